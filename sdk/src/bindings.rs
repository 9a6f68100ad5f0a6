//! The bindings to `hookbox:plugin`, generated from `wit/`, fenced here: nothing else in the crate is generated.
//!
//! The world is the part of `hookbox:plugin/plugin` that the SDK itself calls. What a plugin reaches through the
//! standard library or another crate is imported by those. A component imports only what its plugin calls: the rest is
//! left out when it is linked.

wit_bindgen::generate!({
    path: "wit",
    inline: "
        package hookbox:sdk;

        world component {
            import hookbox:plugin/raw@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
            import wasi:config/store@0.2.0-rc.1;
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasi:http/outgoing-handler@0.2.12;
            export hookbox:plugin/handler@0.1.0;
        }
    ",
    world: "hookbox:sdk/component",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "__export_component",
    default_bindings_module: "hookbox_sdk::__private::bindings",
});
