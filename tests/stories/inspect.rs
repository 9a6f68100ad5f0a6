//! `hookbox inspect`: all that an operator can know of a component before granting it anything.

use hookbox_tests::{Cli, component, frozen, keys, workspace};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wasm_encoder::{
    ComponentBuilder, ComponentTypeRef, ComponentValType, EntityType, ImportSection, InstanceType,
    MemoryType, Module,
};

/// What it prints of a file and how it ends, without what differs from build to build.
fn shown(file: &Path) -> String {
    let ran = Cli::new(&["inspect"]).arg(file).run();
    let folder = format!("{}/", file.parent().unwrap().display());
    let masked = |line: &str| match line.split_once(' ') {
        Some((title @ ("size" | "digest" | "toolchain"), _)) => format!("{title:<14}…"),
        _ => line.replace(&folder, ""),
    };
    let lines = ran.stdout.lines().chain(ran.stderr.lines()).map(masked);
    let lines: Vec<String> = lines.collect();
    format!("{}\nexit code {}", lines.join("\n"), ran.code.unwrap())
}

fn json_of(file: &Path, code: i32) -> Value {
    let ran = Cli::new(&["inspect", "--json"]).arg(file).run();
    assert_eq!(ran.code, Some(code), "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn in_folder(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    (folder, file)
}

/// A component of the plugin's world as it would be with some other text in it.
fn of_another_world(from: &str, to: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("deps")).unwrap();
    for part in ["", "deps"] {
        for file in std::fs::read_dir(workspace().join("wit").join(part)).unwrap() {
            let file = file.unwrap();
            if file.file_name().to_string_lossy().ends_with(".wit") {
                let text = std::fs::read_to_string(file.path()).unwrap();
                let copy = folder.path().join(part).join(file.file_name());
                std::fs::write(copy, text.replace(from, to)).unwrap();
            }
        }
    }
    let (resolve, world) = frozen::world(folder.path()).unwrap();
    frozen::dummy(&resolve, world).unwrap()
}

#[test]
fn a_plugin_is_told_whole() {
    assert_snapshot!(shown(component("hello")), @"
    name          hello
    version       0.1.0
    description   Says hello to whoever comments
    interface     hookbox:plugin@0.1.0
    size          …
    digest        …
    toolchain     …
    subscribes to discussion.comment (create)
    imports       hookbox:plugin/{raw,types}@0.1.0
                  wasi:logging/logging@0.1.0-draft
                  wasi:io/{error,poll,streams}@0.2.12
                  wasi:cli/{exit,stderr,stdout}@0.2.6
    gives nothing wasi:cli/{environment,stdin,terminal-input,terminal-output,terminal-stderr,terminal-stdin,terminal-stdout}@0.2.6
    exit code 0
    ");
}

#[test]
fn an_import_that_nobody_has_is_refused_by_its_name() {
    assert_snapshot!(shown(component("guest-unknown-import")), @"
    name          guest_unknown_import
    interface     hookbox:plugin@0.1.0
    size          …
    digest        …
    toolchain     …
    imports       hookbox:plugin/types@0.1.0
                  wasi:io/{error,poll,streams}@0.2.6
                  wasi:cli/{exit,stderr,stdout}@0.2.6
    gives nothing wasi:cli/{environment,stdin,terminal-input,terminal-output,terminal-stderr,terminal-stdin,terminal-stdout}@0.2.6
    not linkable  acme:thing/iface: this host has no package acme:thing
    error: guest_unknown_import.wasm: cannot be linked: acme:thing/iface: this host has no package acme:thing; a plugin may import what the world hookbox:plugin/plugin has
    exit code 2
    ");
}

#[test]
fn a_component_for_wasi_0_3_is_told_what_this_host_has() {
    let mut of_http = InstanceType::new();
    let none: [(&str, ComponentValType); 0] = [];
    of_http
        .ty()
        .function()
        .async_(true)
        .params(none)
        .result(None);
    of_http.export("send", ComponentTypeRef::Func(0));
    let mut made = ComponentBuilder::default();
    let ty = made.type_instance(None, &of_http);
    made.import("wasi:http/client@0.3.0", ComponentTypeRef::Instance(ty));
    let (_folder, file) = in_folder("next.wasm", made.finish());
    assert_snapshot!(shown(&file), @"
    name          next
    size          …
    digest        …
    not linkable  wasi:http/client@0.3.0: this host has wasi:http@0.2.12, and this is another interface; build for that
    error: next.wasm: does not compile: failed to parse WebAssembly module: async component functions require the component model async feature (at offset 0xb); build it anew with 'hookbox build'
    exit code 2
    ");
}

#[test]
fn a_function_with_other_values_is_refused_by_its_name() {
    let (_folder, file) = in_folder(
        "other.wasm",
        of_another_world("exit: func(status: result)", "exit: func(status: u32)"),
    );
    let told = json_of(&file, 2);
    assert_eq!(
        told["refused"],
        json!([{
            "import": "wasi:cli/exit@0.2.12",
            "reason": "`exit` of this host takes or gives other values"
        }])
    );
    assert!(!told["access"]["always"].to_string().contains("cli/exit"));
}

#[test]
fn a_draft_has_to_be_the_very_same() {
    let (_folder, file) = in_folder(
        "draft.wasm",
        of_another_world("0.2.0-draft", "0.2.0-draft2"),
    );
    assert_snapshot!(shown(&file), @"
    name          draft
    interface     hookbox:plugin@0.1.0
    size          …
    digest        …
    toolchain     …
    imports       hookbox:plugin/{raw,types}@0.1.0
                  wasi:logging/logging@0.1.0-draft
                  wasi:io/{error,poll,streams}@0.2.12
                  wasi:clocks/{monotonic-clock,wall-clock}@0.2.12
                  wasi:cli/{exit,stderr,stdout}@0.2.12
                  wasi:random/{insecure,insecure-seed,random}@0.2.12
    as granted    wasi:http/{outgoing-handler,types}@0.2.12 ([[http]])
                  wasi:config/store@0.2.0-rc.1 ([config])
    gives nothing wasi:cli/{environment,stdin,terminal-input,terminal-output,terminal-stderr,terminal-stdin,terminal-stdout}@0.2.12
                  wasi:filesystem/{preopens,types}@0.2.12
                  wasi:sockets/{instance-network,ip-name-lookup,network,tcp,tcp-create-socket,udp,udp-create-socket}@0.2.12
    not linkable  wasi:keyvalue/store@0.2.0-draft2: this host has wasi:keyvalue@0.2.0-draft, and a draft has to be the very same
                  wasi:keyvalue/atomics@0.2.0-draft2: this host has wasi:keyvalue@0.2.0-draft, and a draft has to be the very same
    error: draft.wasm: cannot be linked: wasi:keyvalue/store@0.2.0-draft2: this host has wasi:keyvalue@0.2.0-draft, and a draft has to be the very same; wasi:keyvalue/atomics@0.2.0-draft2: this host has wasi:keyvalue@0.2.0-draft, and a draft has to be the very same; a plugin may import what the world hookbox:plugin/plugin has
    exit code 2
    ");
}

#[test]
fn a_later_patch_is_met_and_a_newer_interface_is_not() {
    let (_folder, file) = in_folder("later.wasm", of_another_world("0.2.12", "0.2.99"));
    let told = json_of(&file, 2);
    // It is linked, and asked what it is.
    let reason = told["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("its manifest has no subscriptions"),
        "{reason}"
    );
    assert_eq!(told["refused"], json!([]));
    let newer = of_another_world("hookbox:plugin@0.1.0", "hookbox:plugin@0.2.0");
    std::fs::write(&file, newer).unwrap();
    let told = json_of(&file, 2);
    assert_eq!(told["interface"], "0.2.0");
    assert_snapshot!(told["reason"].as_str().unwrap(), @"built for hookbox:plugin@0.2.0, this host speaks up to 0.1.0; use a newer hookbox or an older SDK");
    assert_snapshot!(told["refused"][0]["reason"].as_str().unwrap(), @"this host speaks hookbox:plugin up to 0.1.0; use a newer hookbox or an older SDK");
}

#[test]
fn a_file_that_is_no_component_is_told_as_far_as_it_goes() {
    let mut imports = ImportSection::new();
    let memory = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut module = Module::new();
    module.section(&imports);
    let (_folder, file) = in_folder("core.wasm", module.finish());
    assert_snapshot!(shown(&file), @"
    name          core
    size          …
    digest        …
    imports       env
    error: core.wasm: not a component (it is a core module); build it with 'hookbox build'
    exit code 2
    ");
    std::fs::write(&file, "#!/bin/sh").unwrap();
    assert_snapshot!(shown(&file), @"
    name          core
    size          …
    digest        …
    error: core.wasm: not a WebAssembly file; build the plugin with 'hookbox build'
    exit code 2
    ");
    std::fs::write(&file, b"\x7fELF\x02\x01\x01\0").unwrap();
    assert_snapshot!(shown(&file), @"
    name          core
    size          …
    digest        …
    error: core.wasm: precompiled native code is never loaded; put the component (.wasm) itself here
    exit code 2
    ");
}

#[test]
fn a_plugin_that_cannot_say_what_it_is_is_told_all_the_same() {
    let told = json_of(component("guest-describe-loop"), 2);
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("out-of-fuel"), "{reason}");
    assert_eq!(told["interface"], "0.1.0");
}

#[test]
fn wants_are_held_against_the_grant_beside_the_file() {
    let guest = std::fs::read(component("guest-wants-http")).unwrap();
    let (folder, file) = in_folder("bot.wasm", guest);
    // What it wants is told in the first rows, what comes of it in these.
    let told = || {
        let all = shown(&file);
        let rows = all.lines().skip_while(|line| !line.starts_with("wants"));
        let rows = rows.take_while(|line| !line.starts_with("imports"));
        rows.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(told(), @r#"
    wants         http huggingface.co (required): it answers comments on the Hub
                  {"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write comments"}
    wants         config greeting (optional): another greeting than hello
    grant         none beside it; a host would hold it: it requires what its grant does not give: http `huggingface.co` (it answers comments on the Hub); 'hookbox grant bot' shows the lines to add
    "#);
    let granted = |text: &str| std::fs::write(folder.path().join("bot.toml"), text).unwrap();
    let hub =
        "[[http]]\nhost = \"huggingface.co\"\nbearer = \"env:HF_TOKEN\"\npaths = [\"/api/**\"]\n";
    granted(hub);
    assert_snapshot!(told(), @r#"
    wants         http huggingface.co (required): it answers comments on the Hub
                  {"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write comments"}
                  granted without POST
    wants         config greeting (optional): another greeting than hello
                  not granted
    grant         bot.toml; a host would hold it: it requires what its grant does not give: http `huggingface.co` with POST (it answers comments on the Hub); 'hookbox grant bot' shows the lines to add
    "#);
    granted(&format!("{hub}methods = [\"GET\", \"POST\"]\n"));
    assert_snapshot!(told(), @r#"
    wants         http huggingface.co (required): it answers comments on the Hub
                  {"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write comments"}
                  granted
    wants         config greeting (optional): another greeting than hello
                  not granted
    grant         bot.toml; a host would run it without what is not granted
    "#);
    granted(&format!("digest = \"sha256:{}\"\n", "0".repeat(64)));
    assert!(told().contains("a host would hold it: digest: the grant pins sha256:0000"));
    granted("fuell = 1\n");
    assert_snapshot!(told().replace(&format!("{}/", folder.path().display()), ""), @r#"
    wants         http huggingface.co (required): it answers comments on the Hub
                  {"methods":["GET","POST"],"paths":["/api/**"],"credential":"a token that may write comments"}
    wants         config greeting (optional): another greeting than hello
    grant         bot.toml: line 1: `fuell` is not a key; did you mean `fuel`?; a host would not run it until that is mended, or go on by the last good grant it knows
    "#);
}

#[test]
fn programs_read_the_same() {
    let told = json_of(component("hello"), 0);
    assert_eq!(
        keys(&told),
        "name version description interface subscriptions wants imports access refused toolchain \
         size_bytes digest grant reason"
    );
    assert_eq!(
        keys(&told["access"]),
        "always http state config nothing types"
    );
    assert_eq!(keys(&told["grant"]), "file error lacks held");
    assert_eq!(
        (&told["name"], &told["interface"], &told["reason"]),
        (&"hello".into(), &"0.1.0".into(), &Value::Null)
    );
    assert_eq!(
        told["subscriptions"],
        json!([{"scope": "discussion.comment", "actions": ["create"]}])
    );
    let size = std::fs::metadata(component("hello")).unwrap().len();
    assert_eq!(told["size_bytes"], size);
    assert_eq!(told["digest"].as_str().unwrap().len(), "sha256:".len() + 64);
    let toolchain = told["toolchain"].as_array().unwrap().iter();
    let mut toolchain = toolchain.map(|tool| tool.as_str().unwrap());
    assert!(toolchain.any(|tool| tool.starts_with("rustc ")));
    let wants = &json_of(component("guest-wants-http"), 0)["wants"];
    assert_eq!(
        (&wants[0]["kind"], &wants[0]["name"], &wants[0]["required"]),
        (&"http".into(), &"huggingface.co".into(), &true.into())
    );
    let none = json_of(component("guest-unknown-import"), 2);
    assert_eq!(keys(&none), keys(&told));
    assert_eq!(
        (&none["wants"], &none["grant"], &none["version"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(none["refused"][0]["import"], "acme:thing/iface");
}

#[test]
fn what_is_no_file_of_a_component_is_the_callers_mistake() {
    let folder = TempDir::new().unwrap();
    for (file, reason) in [
        (folder.path().join("absent.wasm"), "there is no such file"),
        (folder.path().to_owned(), "not a regular file"),
    ] {
        let ran = Cli::new(&["inspect"]).arg(&file).run();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
}

#[test]
fn a_grant_is_read_as_a_host_reads_it() {
    let guest = std::fs::read(component("guest-wants-http")).unwrap();
    let (folder, file) = in_folder("bot.wasm", guest.clone());
    let outside = TempDir::new().unwrap();
    let target = outside.path().join("other.toml");
    let link = folder.path().join("bot.toml");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    for _ in ["dangling", "there"] {
        let grant = &json_of(&file, 0)["grant"];
        let error = grant["error"].as_str().unwrap();
        assert!(
            error.contains("a link out of the plugins folder"),
            "{error}"
        );
        assert!(grant["held"].is_string(), "{grant}");
        std::fs::write(&target, "").unwrap();
    }
    let (_folder, file) = in_folder("Two words.wasm", guest);
    let told = json_of(&file, 0);
    let held = told["grant"]["held"].as_str().unwrap();
    assert!(!held.contains("hookbox grant"), "{held}");
}

#[test]
fn a_component_cannot_forge_a_row() {
    // A custom section that says what it was made with (tool conventions, ProducersSection.md)
    let tool = b"rustc\ndigest        sha256:good";
    let mut section = b"\x09producers\x01\x08language\x01".to_vec();
    section.push(u8::try_from(tool.len()).unwrap());
    section.extend_from_slice(tool);
    section.push(0);
    let mut bytes = std::fs::read(component("hello")).unwrap();
    bytes.extend([0, u8::try_from(section.len()).unwrap()]);
    bytes.extend(section);
    let (_folder, file) = in_folder("x.wasm", bytes);
    let said = Cli::new(&["inspect"]).arg(&file).run().ok().stdout;
    let rows = said.lines().filter(|line| line.starts_with("digest"));
    assert_eq!(rows.count(), 1, "{said}");
    assert!(said.contains("rustc\\ndigest"), "{said}");
}
