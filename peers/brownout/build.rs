//! Compiles the harness, which this crate links in, and asks the C header what it looks like.
//!
//! `layout.rs` gets the offset of each field of `fuzz/adapter.h`, printed by a C program; `abi.rs`
//! compares them with its own at compile time. `scenarios.rs` gets the scenarios that are shipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What needs a database, is a program of its own, or is a test.
fn is_apart(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let folder = path.parent().unwrap().file_name().unwrap();
    ["_test.c", "_fuzzer.c", "_main.c"].iter().any(|end| name.ends_with(end))
        || folder == "db"
        || folder == "command"
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "c") && !is_apart(&path) {
            found.push(path);
        }
    }
}

fn compile(root: &Path, cc: &cc::Build) {
    let mut files = vec![];
    for folder in ["engines", "sim", "fuzz"] {
        sources(&root.join(folder), &mut files);
        println!("cargo:rerun-if-changed=harness/{folder}/");
    }
    cc.clone().files(files).compile("brownout_harness");
}

/// Runs `probe.c`, for which compiler and machine must be of one kind: so is all of the harness.
fn ask_layout(cc: &cc::Build, out: &Path) {
    println!("cargo:rerun-if-changed=src/probe.c");
    println!("cargo:rerun-if-changed=harness/fuzz/adapter.h");
    println!("cargo:rerun-if-changed=harness/fuzz/embed/embed.h");
    println!("cargo:rerun-if-changed=harness/engines/flash.h");
    let program = out.join("probe");
    let mut command = cc.get_compiler().to_command();
    let made = command.arg("src/probe.c").arg("-o").arg(&program).status();
    assert!(made.unwrap().success(), "src/probe.c does not compile with fuzz/adapter.h");
    let printed = Command::new(program).output().unwrap().stdout;
    fs::write(out.join("layout.rs"), printed).unwrap();
}

fn list_scenarios(root: &Path, out: &Path) {
    let folder = root.join("scenarios");
    println!("cargo:rerun-if-changed=harness/scenarios/");
    let mut lines: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "scn"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            format!("({name:?}, include_str!({:?})),\n", path.to_str().unwrap())
        })
        .collect();
    lines.sort();
    fs::write(out.join("scenarios.rs"), format!("&[{}]", lines.concat())).unwrap();
}

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("harness");
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap());
    let mut cc = cc::Build::new();
    // The harness asserts in every build, and is fast in every one too.
    cc.std("c11").include(&root).opt_level(2).debug(false).flag("-UNDEBUG").warnings(false);
    cc.define("BO_CRC32C_FAST", None).define("BO_CRC32C_NATIVE", None);
    // What a plug-in of the command is made of needs none of it.
    if std::env::var_os("CARGO_FEATURE_HARNESS").is_some() {
        compile(&root, &cc);
        println!("cargo:rustc-link-lib=dl");
    }
    ask_layout(&cc, &out);
    list_scenarios(&root, &out);
}
