//! Cases at the bounds of a policy set, printed as a test file.

use super::{
    super::{
        Config, Exit, Io,
        replace::replace,
        set,
        style::{cause, failed},
    },
    Args,
};
use crate::examine::generate::generate;

/// What the file begins with.
const HEAD: &str = "\
// Cases at the bounds of the policies, as they decide now. Read each: keep those that say what is meant, under a name
// that says why, and mend the policy where one does not.
";

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    let set = match set::one(&args.paths, &args.catalog, io, config) {
        Ok(set) => set,
        Err(exit) => return exit,
    };
    let tests =
        set::load(set.builder(), io).and_then(|engine| generate(&engine).map_err(|error| set::not_loaded(error, io)));
    let tests = match tests {
        Ok(tests) => tests,
        Err(exit) => return exit,
    };
    let text = tests.iter().fold(HEAD.to_owned(), |text, test| format!("{text}\n{test}"));
    match &args.output {
        Some(file) => match replace(file, text.as_bytes()) {
            Ok(()) => Exit::Fine,
            Err(error) => failed(io, &format!("cannot write `{}`: {}", file.display(), cause(&error)), None),
        },
        None => {
            let _ = io.out.write_all(text.as_bytes());
            let _ = io.out.flush();
            Exit::Fine
        }
    }
}
