//! What is said on stderr, one line each: our own lines, and the library's warnings and log messages.

use std::error::Error;
use std::fmt;
use std::io::{Write, stderr};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use wgmm::internals::error::printable;
use wgmm::internals::report::Warning;

use crate::words;

/// One line on stderr. A closed stderr is no reason to fail.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// Shows warnings, and with `-v` and `-vv` more of the library's messages. `-q` leaves the warnings.
pub(crate) fn listen(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) | (_, 0) => Level::WARN,
        (_, 1) => Level::INFO,
        _ => Level::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .event_format(Plain)
        .finish();
    // This fails only if a subscriber is already set, and there is none before `main`.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// `warning: message`, as errors are shown.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        write!(writer, "{level}: ")?;
        let mut found = Found(None);
        event.record(&mut found);
        match found.0 {
            Some(text) => writer.write_str(&printable(&text))?,
            None => context.field_format().format_fields(writer.by_ref(), event)?,
        }
        writeln!(writer)
    }
}

/// The text of a [`Warning`] in an event, in the words of the command.
struct Found(Option<String>);

impl Visit for Found {
    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        self.0 = value.downcast_ref::<Warning>().map(words::warning);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
