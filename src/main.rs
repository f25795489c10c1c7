//! The binary: a runtime, one run, an exit status. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let report = wstap::report::Report::stderr(wstap::report::Level::Error, false, false);
            report.failure(&wstap::error::Failure::new(
                wstap::exit::Exit::OutputFailed,
                format!("cannot start the event loop: {error}"),
            ));
            return ExitCode::from(wstap::exit::Exit::OutputFailed.code());
        }
    };
    let exit = runtime.block_on(wstap::run(&argv));
    // A name look-up that never returns must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
