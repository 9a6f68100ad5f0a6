//! Components that are small to send and large to compile.

use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentExportKind, Function, FunctionSection,
    Module, ModuleArg, TypeSection, ValType,
};

const NO_MODULES: [(&str, ModuleArg); 0] = [];
const NO_PARTS: [(&str, ComponentExportKind, u32); 0] = [];

/// Components in components, each of which instantiates the one in it twice: 1 KB that starts with 2 to the power of
/// `levels` core instances.
#[must_use]
pub fn doublings(levels: u32) -> Vec<u8> {
    let mut inner = ComponentBuilder::default();
    let module = inner.core_module(None, &Module::new());
    inner.core_instantiate(None, module, NO_MODULES);
    for _ in 0..levels {
        let mut outer = ComponentBuilder::default();
        let component = outer.component(None, inner);
        outer.instantiate(None, component, NO_PARTS);
        outer.instantiate(None, component, NO_PARTS);
        inner = outer;
    }
    inner.finish()
}

/// Many functions, of 20 bytes each.
#[must_use]
pub fn small_functions(count: u32) -> Vec<u8> {
    let mut body = Function::new([]);
    for number in 0..4 {
        body.instructions().i32_const(number).drop();
    }
    body.instructions().nop().nop().nop().nop().end();
    component(&vec![body; usize::try_from(count).unwrap_or_default()])
}

/// One function of so many bytes that does nothing.
#[must_use]
pub fn huge_function(bytes: usize) -> Vec<u8> {
    let mut body = Function::new([]);
    for _ in 0..bytes / 3 {
        body.instructions().i32_const(0).drop();
    }
    body.instructions().end();
    component(&[body])
}

/// Functions with many variables that are alive around many loops: the compiler looks at each variable in each loop.
#[must_use]
pub fn tangled_functions(count: usize, variables: u32, loops: u32) -> Vec<u8> {
    let mut body = Function::new([(variables, ValType::I32)]);
    let mut code = body.instructions();
    for variable in 0..variables {
        code.i32_const(i32::try_from(variable).unwrap_or_default());
        code.local_set(variable);
    }
    for at in 0..loops {
        code.loop_(BlockType::Empty);
        code.local_get(at % variables).br_if(0).end();
    }
    for variable in 0..variables {
        code.local_get(variable).drop();
    }
    code.end();
    component(&vec![body; count])
}

/// A component that instantiates a core module with these functions, which take and give nothing.
fn component(bodies: &[Function]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for body in bodies {
        declared.function(0);
        code.function(body);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, &module);
    component.core_instantiate(None, module, NO_MODULES);
    component.finish()
}
