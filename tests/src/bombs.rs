//! Components that are small to send and large to compile.

use wasm_encoder::{
    BlockType, CodeSection, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ConstExpr,
    DataSection, ElementSection, Elements, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, InstanceType, Module, ModuleArg, RefType, TableSection, TableType,
    TypeSection, ValType,
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

/// Core modules that nothing instantiates, each with so many tables whose last element is set: the compiler writes out
/// all elements before it.
#[must_use]
pub fn tables(modules: usize, count: u32, elements: u32) -> Vec<u8> {
    let (mut tables, mut segments) = (TableSection::new(), ElementSection::new());
    let last = i32::try_from(elements).unwrap_or(i32::MAX) - 1;
    for number in 0..count {
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: elements.into(),
            maximum: None,
            shared: false,
        });
        let set = Elements::Functions((&[0_u32][..]).into());
        segments.active(Some(number), &ConstExpr::i32_const(last), set);
    }
    let (types, declared, code) = nothing();
    let mut module = Module::new();
    (module.section(&types).section(&declared).section(&tables)).section(&segments);
    holding(module.section(&code), modules)
}

/// Core modules that nothing instantiates, each with so many globals.
#[must_use]
pub fn globals(modules: usize, count: u32) -> Vec<u8> {
    let mut globals = GlobalSection::new();
    let int = GlobalType {
        val_type: ValType::I32,
        mutable: false,
        shared: false,
    };
    for _ in 0..count {
        globals.global(int, &ConstExpr::i32_const(0));
    }
    holding(Module::new().section(&globals), modules)
}

/// Core modules that nothing instantiates, each with so many exports.
#[must_use]
pub fn exports(modules: usize, count: u32) -> Vec<u8> {
    let mut exports = ExportSection::new();
    for number in 0..count {
        exports.export(&format!("{number:x}"), ExportKind::Func, 0);
    }
    let (types, declared, code) = nothing();
    let mut module = Module::new();
    (module.section(&types).section(&declared)).section(&exports);
    holding(module.section(&code), modules)
}

/// Core modules that nothing instantiates, each with so many data segments.
#[must_use]
pub fn data_segments(modules: usize, count: u32) -> Vec<u8> {
    let mut segments = DataSection::new();
    for _ in 0..count {
        segments.passive([]);
    }
    holding(Module::new().section(&segments), modules)
}

/// So many imports with names of so many bytes.
#[must_use]
pub fn long_names(count: usize, bytes: usize) -> Vec<u8> {
    let name = "a".repeat(bytes);
    let mut component = ComponentBuilder::default();
    let ty = component.type_instance(None, &InstanceType::new());
    for number in 0..count {
        let name = format!("x:y/{name}-z{number}");
        component.import(&name, ComponentTypeRef::Instance(ty));
    }
    component.finish()
}

/// The sections of a function that does nothing.
fn nothing() -> (TypeSection, FunctionSection, CodeSection) {
    let (mut types, mut declared, mut code) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    declared.function(0);
    let mut body = Function::new([]);
    body.instructions().end();
    code.function(&body);
    (types, declared, code)
}

/// A component that holds a core module so often, and instantiates none.
fn holding(module: &Module, times: usize) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    for _ in 0..times {
        component.core_module(None, module);
    }
    component.finish()
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
