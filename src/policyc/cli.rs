//! Which verbs there are, and what all of them have in common.

use super::{
    Config, Exit, Io, audit, build, check, completions, diff, eval, explain, export, fmt, graph, hub, import, init,
    inspect,
    io::Kept,
    list, man, prove, review, serve,
    style::{Style, failed},
    test, verify, who,
};
use crate::store::Stores;
use clap::{
    ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, builder::BoolishValueParser,
};
use std::{ffi::OsString, io::ErrorKind, path::PathBuf};

/// The id of the argument that names a policy set: the place to look for a configuration is its first value.
const PATHS: &str = "paths";

/// Decide who may do what with which AI model.
///
/// Policies are texts that people can read; policyc checks, proves, tests, formats, evaluates and explains them.
#[derive(Debug, Parser)]
#[command(
    name = "policyc",
    version,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 fine; 1 usage, reading or writing failed; 2 a negative verdict; 3 the policy set is invalid; \
4 inconclusive. `policyc VERB --help` says what they mean for a verb.

Every flag can be set in the environment, too: `POLICYC_CHECK_FORMAT=json` is `policyc check --format json`.
Defaults for a project stand in `.policyc.toml`."
)]
struct Cli {
    /// Whether output is in colour; `auto` heeds `NO_COLOR` and is plain when piped
    #[arg(long, global = true, env = "POLICYC_COLOR", value_name = "WHEN", value_enum, default_value_t = Color::Auto,
        display_order = 900)]
    color: Color,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    fn apply(self, io: &mut Io<'_>) {
        match self {
            Self::Auto => {}
            Self::Always => (io.color_out, io.color_err) = (true, true),
            Self::Never => (io.color_out, io.color_err) = (false, false),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(visible_alias = "validate")]
    Check(check::Args),
    Test(test::Args),
    #[command(visible_alias = "format")]
    Fmt(fmt::Args),
    #[command(visible_alias = "authorize")]
    Eval(eval::Args),
    Explain(explain::Args),
    Prove(prove::Args),
    Diff(diff::Args),
    Who(who::Args),
    List(list::Args),
    Review(review::Args),
    Graph(graph::Args),
    Build(build::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Serve(Box<serve::Args>),
    Audit(audit::Args),
    Hub(hub::Args),
    Import(import::Args),
    Export(export::Args),
    Init(init::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    fn run(&self, io: &mut Io<'_>, config: &Config, stores: &Stores) -> Exit {
        match self {
            Self::Check(args) => check::run(args, io, config),
            Self::Test(args) => test::run(args, io, config),
            Self::Fmt(args) => fmt::run(args, io, config),
            Self::Eval(args) => eval::run(args, io, config),
            Self::Explain(args) => explain::run(args, io, config),
            Self::Prove(args) => prove::run(args, io, config),
            Self::Diff(args) => diff::run(args, io, config),
            Self::Who(args) => who::run(args, io, config),
            Self::List(args) => list::run(args, io, config),
            Self::Review(args) => review::run(args, io, config),
            Self::Graph(args) => graph::run(args, io, config),
            Self::Build(args) => build::run(args, io, config),
            Self::Inspect(args) => inspect::run(args, io),
            Self::Verify(args) => verify::run(args, io),
            Self::Serve(args) => serve::run(args, io, config, stores),
            Self::Audit(args) => audit::run(args, io, config, stores),
            Self::Hub(args) => hub::run(args, io),
            Self::Import(args) => import::run(args, io, config),
            Self::Export(args) => export::run(args, io, config),
            Self::Init(args) => init::run(args, io, config),
            Self::Completions(args) => completions::run(args, io, config),
            Self::Man(args) => man::run(args, io, config),
        }
    }
}

/// Runs a command. The first argument is the name of the program; `stores` are those on other machines that the service can
/// use.
///
/// What cannot be written because nobody reads it any more is left out; any other failure to write is the command's.
pub fn run(args: impl IntoIterator<Item = OsString>, stores: &Stores, io: &mut Io<'_>) -> Exit {
    let (mut out, mut err) = (Kept::new(io.out), Kept::new(io.err));
    let mut kept = Io { input: io.input, out: &mut out, err: &mut err, ..*io };
    let exit = parse_and_run(args.into_iter().collect(), stores, &mut kept);
    let Io { color_err, .. } = kept;
    match out.close().and(err.close()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let style = Style::new(color_err);
            // If this cannot be written either, the exit code still tells.
            let _ = err.write_last(&format!("{} cannot write: {error}\n", style.error("error:")));
            Exit::Failed
        }
        Ok(()) | Err(_) => exit,
    }
}

fn parse_and_run(args: Vec<OsString>, stores: &Stores, io: &mut Io<'_>) -> Exit {
    let wanted = color_of(&args);
    let command = command().term_width(io.width);
    let parsed = command.try_get_matches_from(args).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli, matches))
    });
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            if let Some(color) = wanted {
                color.apply(io);
            }
            return say(&error, io);
        }
    };
    cli.color.apply(io);
    let config = match config(&matches) {
        Ok(config) => config,
        Err(error) => return failed(io, &error.message, error.help.as_deref()),
    };
    cli.verb.run(io, &config, stores)
}

/// The configuration of a verb that takes a policy set; other verbs have none.
fn config(matches: &ArgMatches) -> Result<Config, super::config::Fault> {
    let mut matches = matches;
    // `export acl` has its paths one level further down.
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    match matches.try_get_many::<PathBuf>(PATHS) {
        Err(_) => Ok(Config::default()),
        Ok(paths) => Config::find(paths.and_then(|mut paths| paths.next()).map(PathBuf::as_path)),
    }
}

/// Prints help, the version, or what is wrong with the arguments.
fn say(error: &clap::Error, io: &mut Io<'_>) -> Exit {
    let text = error.render();
    let fine = error.exit_code() == 0;
    let color = if fine { io.color_out } else { io.color_err };
    let text = if color { text.ansi().to_string() } else { text.to_string() };
    let stream = if fine { &mut io.out } else { &mut io.err };
    let _ = stream.write_all(text.as_bytes());
    if fine { Exit::Fine } else { Exit::Failed }
}

/// What `--color` says, for arguments that are not valid otherwise.
fn color_of(args: &[OsString]) -> Option<Color> {
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    let value = args.find_map(|arg| match arg.strip_prefix("--color")? {
        "" => Some(None),
        rest => rest.strip_prefix('=').map(|value| Some(value.to_owned())),
    })?;
    let value = value.or_else(|| args.next().map(std::borrow::Cow::into_owned))?;
    Color::from_str(&value, true).ok()
}

/// The whole command, as completions and the manual page need it, too.
pub(super) fn command() -> clap::Command {
    environment(Cli::command())
}

/// Variables are not named with each flag, the help of the whole tells how they are called; and a flag in the environment
/// is `1`, `yes` or `on` as well as `true`.
fn environment(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let arg = arg.hide_env(true);
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        if is_flag { arg.value_parser(BoolishValueParser::new()) } else { arg }
    });
    command.mut_subcommands(environment)
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    /// `POLICYC_<COMMAND>_<FLAG>`, for every flag of every verb.
    #[test]
    fn every_flag_has_its_variable() {
        for verb in command().get_subcommands() {
            for arg in verb.get_arguments().filter(|arg| !["help", "color"].contains(&arg.get_id().as_str())) {
                let Some(long) = arg.get_long() else { continue };
                let wanted = format!("POLICYC_{}_{long}", verb.get_name()).to_uppercase().replace('-', "_");
                let found = arg.get_env().map(|name| name.to_string_lossy().into_owned());
                assert_eq!(found, Some(wanted), "policyc {} --{long}", verb.get_name());
            }
        }
    }

    /// Each verb's help ends with its exit codes and an example.
    #[test]
    fn every_help_tells_the_exit_codes() {
        for verb in command().get_subcommands() {
            let help = verb.clone().render_long_help().to_string();
            assert!(help.contains("Exit codes:"), "policyc {} --help", verb.get_name());
            assert!(help.contains("Example:"), "policyc {} --help", verb.get_name());
        }
    }
}
