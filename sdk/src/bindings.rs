//! The bindings to `hookbox:plugin`, generated from `wit/`, fenced here: nothing else in the crate is generated.
//!
//! The world is the part of `hookbox:plugin/plugin` that the SDK itself calls. What a plugin reaches through the
//! standard library or another crate is imported by those.

wit_bindgen::generate!({
    path: "wit",
    inline: "
        package hookbox:sdk;

        world component {
            import hookbox:plugin/raw@0.1.0;
            import wasi:logging/logging@0.1.0-draft;
            export hookbox:plugin/handler@0.1.0;
        }
    ",
    world: "hookbox:sdk/component",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "__export_component",
    default_bindings_module: "hookbox_sdk::__private::bindings",
});
