//! The debbuild command.

fn main() -> std::process::ExitCode {
    debbuild_cli::main()
}
