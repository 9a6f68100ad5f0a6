//! Sockets: no address can be reached by one.

use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Network};
use crate::wasi::sockets::tcp::{ShutdownType, TcpSocket};
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::wasi::sockets::udp::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;

const ADDRESS: IpSocketAddress = IpSocketAddress::Ipv4(Ipv4SocketAddress {
    port: 9,
    address: (127, 0, 0, 1),
});

pub fn call() {
    let network = instance_network();
    if let Ok(addresses) = resolve_addresses(&network, "localhost") {
        let _ = addresses.subscribe();
        let _ = addresses.resolve_next_address();
    }
    if let Ok(socket) = create_tcp_socket(IpAddressFamily::Ipv4) {
        settings_of_tcp(&socket);
        tcp(&socket, &network);
    }
    if let Ok(socket) = create_udp_socket(IpAddressFamily::Ipv4) {
        udp(&socket, &network);
    }
}

fn tcp(socket: &TcpSocket, network: &Network) {
    let _ = socket.start_bind(network, ADDRESS);
    let _ = socket.finish_bind();
    let _ = socket.start_connect(network, ADDRESS);
    let _ = socket.finish_connect();
    let _ = socket.start_listen();
    let _ = socket.finish_listen();
    let _ = socket.accept();
    let _ = socket.local_address();
    let _ = socket.remote_address();
    let _ = socket.is_listening();
    let _ = socket.address_family();
    let _ = socket.subscribe();
    let _ = socket.shutdown(ShutdownType::Both);
}

fn settings_of_tcp(socket: &TcpSocket) {
    let _ = socket.set_listen_backlog_size(1);
    let _ = socket.keep_alive_enabled();
    let _ = socket.set_keep_alive_enabled(true);
    let _ = socket.keep_alive_idle_time();
    let _ = socket.set_keep_alive_idle_time(1_000_000_000);
    let _ = socket.keep_alive_interval();
    let _ = socket.set_keep_alive_interval(1_000_000_000);
    let _ = socket.keep_alive_count();
    let _ = socket.set_keep_alive_count(1);
    let _ = socket.hop_limit();
    let _ = socket.set_hop_limit(64);
    let _ = socket.receive_buffer_size();
    let _ = socket.set_receive_buffer_size(4096);
    let _ = socket.send_buffer_size();
    let _ = socket.set_send_buffer_size(4096);
}

fn udp(socket: &UdpSocket, network: &Network) {
    let _ = socket.start_bind(network, ADDRESS);
    let _ = socket.finish_bind();
    if let Ok((incoming, outgoing)) = socket.stream(None) {
        datagrams(&incoming, &outgoing);
    }
    let _ = socket.local_address();
    let _ = socket.remote_address();
    let _ = socket.address_family();
    let _ = socket.unicast_hop_limit();
    let _ = socket.set_unicast_hop_limit(64);
    let _ = socket.receive_buffer_size();
    let _ = socket.set_receive_buffer_size(4096);
    let _ = socket.send_buffer_size();
    let _ = socket.set_send_buffer_size(4096);
    let _ = socket.subscribe();
}

fn datagrams(incoming: &IncomingDatagramStream, outgoing: &OutgoingDatagramStream) {
    let _ = incoming.receive(1);
    let _ = incoming.subscribe();
    if outgoing.check_send().is_ok_and(|most| most > 0) {
        let _ = outgoing.send(&[]);
    }
    let _ = outgoing.subscribe();
}
