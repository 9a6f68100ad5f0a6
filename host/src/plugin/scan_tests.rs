//! Tests of what is counted in a component before it is compiled.

use super::*;
use wasm_encoder::{
    CodeSection, Component, ComponentBuilder, ConstExpr, DataSection, ElementSection, Elements,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Module, RefType, TableSection, TableType, TypeSection, ValType,
};

const NO_ARGS: [(&str, wasm_encoder::ModuleArg); 0] = [];
const NO_PARTS: [(&str, wasm_encoder::ComponentExportKind, u32); 0] = [];

/// A component with one core instance.
fn one() -> ComponentBuilder {
    let mut component = ComponentBuilder::default();
    let module = component.core_module(None, &Module::new());
    component.core_instantiate(None, module, NO_ARGS);
    component
}

/// Each level instantiates the one before twice.
fn doublings(levels: usize) -> Vec<u8> {
    let mut inner = one();
    for _ in 0..levels {
        let mut outer = ComponentBuilder::default();
        let component = outer.component(None, inner);
        outer.instantiate(None, component, NO_PARTS);
        outer.instantiate(None, component, NO_PARTS);
        inner = outer;
    }
    inner.finish()
}

fn module(functions: u32, body_bytes: usize) -> Vec<u8> {
    let (mut types, mut declared, mut code) = (
        TypeSection::new(),
        FunctionSection::new(),
        CodeSection::new(),
    );
    types.ty().function([], []);
    for _ in 0..functions {
        declared.function(0);
        let mut body = Function::new([]);
        for _ in 0..body_bytes {
            body.instructions().nop();
        }
        body.instructions().end();
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    let mut component = ComponentBuilder::default();
    component.core_module(None, &module);
    component.finish()
}

/// A component that holds such a module so often, and instantiates none.
fn holding(section: &impl wasm_encoder::Section, times: usize) -> Vec<u8> {
    let mut component = ComponentBuilder::default();
    for _ in 0..times {
        let mut module = Module::new();
        module.section(section);
        component.core_module(None, &module);
    }
    component.finish()
}

fn tables(count: u32, minimum: u64) -> TableSection {
    let mut tables = TableSection::new();
    for _ in 0..count {
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum,
            maximum: None,
            shared: false,
        });
    }
    tables
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let error = scan(bytes).unwrap_err().to_string();
    assert!(error.starts_with(reason), "{error}");
}

#[test]
fn what_instances_make_is_multiplied() {
    let census = scan(&doublings(3)).unwrap();
    assert_eq!((census.core_instances, census.nesting), (8, 5));
    assert_eq!(scan(&doublings(6)).unwrap().core_instances, 64);
    refused(
        &doublings(7),
        "it would make 128 core instances when it starts (at most 64 are possible)",
    );
    refused(&doublings(26), "it would make 67,108,864 core instances");
    refused(&doublings(40), "it has components in components, 33 deep");
}

#[test]
fn numbers_beyond_all_bounds_stay_numbers() {
    // Side by side, each twice the one before: no nesting, and two to the power of a hundred.
    let mut root = ComponentBuilder::default();
    let mut last = root.component(None, one());
    for _ in 0..100 {
        let mut next = ComponentBuilder::default();
        let alias = next.alias(
            None,
            wasm_encoder::Alias::Outer {
                kind: wasm_encoder::ComponentOuterAliasKind::Component,
                count: 1,
                index: last,
            },
        );
        next.instantiate(None, alias, NO_PARTS);
        next.instantiate(None, alias, NO_PARTS);
        last = root.component(None, next);
    }
    root.instantiate(None, last, NO_PARTS);
    refused(
        &root.finish(),
        "it would make 18,446,744,073,709,551,615 core instances",
    );
}

#[test]
fn an_empty_component_costs_steps_all_the_same() {
    let mut inner = ComponentBuilder::default();
    for _ in 0..20 {
        let mut outer = ComponentBuilder::default();
        let component = outer.component(None, inner);
        outer.instantiate(None, component, NO_PARTS);
        outer.instantiate(None, component, NO_PARTS);
        inner = outer;
    }
    refused(&inner.finish(), "it would take 2,097,150 steps to start");
}

#[test]
fn code_is_counted_before_it_is_compiled() {
    let census = scan(&module(3, 10)).unwrap();
    assert_eq!((census.functions, census.function_bytes), (3, 12));
    refused(
        &module(100_001, 0),
        "it has 100,001 functions (at most 100,000 are possible)",
    );
    refused(
        &module(1, 3_000_000),
        "it has a function of 3,000,002 bytes",
    );
}

#[test]
fn tables_are_counted_also_where_nothing_instantiates_them() {
    let census = scan(&holding(&tables(2, 20_000), 5)).unwrap();
    assert_eq!(census.table_elements, 200_000);
    refused(
        &holding(&tables(1, 20_001), 1),
        "it has a table of 20,001 elements (at most 20,000 are possible); leave out",
    );
    refused(
        &holding(&tables(1, 20_000), 11),
        "it has 220,000 table elements (at most 200,000 are possible); leave out",
    );
    refused(
        &holding(&tables(100_001, 0), 2),
        "it has 200,001 table elements",
    );
}

#[test]
fn segments_and_what_is_in_them_are_counted() {
    let mut data = DataSection::new();
    for _ in 0..25_001 {
        data.passive([]);
    }
    refused(
        &holding(&data, 2),
        "it has 50,002 segments (at most 50,000 are possible)",
    );
    let mut elements = ElementSection::new();
    let nothing = ConstExpr::ref_null(wasm_encoder::HeapType::FUNC);
    let items = vec![nothing; 100_001];
    elements.passive(Elements::Expressions(RefType::FUNCREF, items.into()));
    let census = scan(&holding(&elements, 1)).unwrap();
    assert_eq!((census.segments, census.segment_elements), (1, 100_001));
    refused(
        &holding(&elements, 2),
        "it has 200,002 elements in segments",
    );
}

#[test]
fn globals_imports_and_exports_are_counted() {
    let mut globals = GlobalSection::new();
    let int = GlobalType {
        val_type: ValType::I32,
        mutable: false,
        shared: false,
    };
    for _ in 0..15_001 {
        globals.global(int, &ConstExpr::i32_const(0));
    }
    refused(&holding(&globals, 2), "it has 30,002 globals");
    let (mut exports, mut imports) = (ExportSection::new(), ImportSection::new());
    for number in 0..15_001 {
        exports.export(&number.to_string(), ExportKind::Func, 0);
        imports.import("", "", int);
    }
    for refusal in [holding(&exports, 2), holding(&imports, 2)] {
        refused(&refusal, "it has 30,002 core imports and exports");
    }
}

#[test]
fn long_names_are_counted_wherever_they_stand() {
    let name = "a".repeat(90_000);
    let mut imports = ImportSection::new();
    let int = ValType::I32;
    let global = GlobalType {
        val_type: int,
        mutable: false,
        shared: false,
    };
    imports.import(&name, &name, global);
    refused(&holding(&imports, 6), "it has 1,080,");
    let mut component = ComponentBuilder::default();
    let ty = component.type_instance(None, &wasm_encoder::InstanceType::new());
    for number in 0..12 {
        let instance = wasm_encoder::ComponentTypeRef::Instance(ty);
        component.import(format!("{name}{number}"), instance);
    }
    let error = scan(&component.finish()).unwrap_err().to_string();
    let words = "bytes of names and types of imports and exports (at most 1,048,576 are possible)";
    assert!(error.contains(words), "{error}");
}

#[test]
fn thousands_of_parts_are_not_looked_at() {
    let mut root = ComponentBuilder::default();
    for _ in 0..1_000 {
        root.component_raw(None, Component::new().as_slice());
    }
    refused(
        &root.finish(),
        "it consists of more than 1,000 components and modules",
    );
}

#[test]
fn a_component_that_comes_from_elsewhere_is_not_instantiated() {
    let mut component = ComponentBuilder::default();
    let ty = component.type_component(None, &wasm_encoder::ComponentType::new());
    let given = component.import("given", wasm_encoder::ComponentTypeRef::Component(ty));
    component.instantiate(None, given, NO_PARTS);
    refused(
        &component.finish(),
        "it instantiates a component that it is given",
    );
}

#[test]
fn what_is_cut_off_or_no_component_is_malformed() {
    let whole = doublings(2);
    for end in [9, whole.len() / 2, whole.len() - 1] {
        let found = scan(&whole[..end]);
        assert!(matches!(found, Err(ScanError::Malformed(_))), "{found:?}");
    }
}
