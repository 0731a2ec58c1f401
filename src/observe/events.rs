//! Events and spans for a subscriber of `tracing`. Every field has a limited length, and no field holds a secret.

use super::{Stage, TARGET};
use crate::accept::Accepted;
use crate::accept::authorize::demands_pac;
use crate::error::{Blame, BoundedText, Error};
use crate::keys::{Account, KeyQuery, KeySet};
use crate::policy::Policy;
use crate::time::UnixTime;
use ::tracing::{Level, Span, debug_span, enabled, event};

/// The span of a stage that awaits the replay cache's answer. Such a stage runs in several pieces.
pub(crate) struct StageSpan(Span);

impl StageSpan {
    pub(crate) fn of(stage: Stage) -> Self {
        Self(match stage {
            Stage::Read => debug_span!(target: TARGET, "read"),
            Stage::Open => debug_span!(target: TARGET, "open"),
            Stage::Verify => debug_span!(target: TARGET, "verify"),
            Stage::Authorize => debug_span!(target: TARGET, "authorize"),
            Stage::Admit => debug_span!(target: TARGET, "admit"),
        })
    }

    /// Runs one piece of the stage in the span.
    pub(crate) fn run<T>(&self, piece: impl FnOnce() -> T) -> T {
        self.0.in_scope(piece)
    }
}

/// Runs a stage in its span.
pub(crate) fn in_stage<T>(stage: Stage, run: impl FnOnce() -> T) -> T {
    StageSpan::of(stage).run(run)
}

/// Reports how many accounts of a new validator accept tickets without a PAC, or users of any domain. A developer may
/// wrongly think that these accounts refuse such tickets and users.
pub(crate) fn keys_in_use(keys: &KeySet, policy: &Policy) {
    if !enabled!(target: TARGET, Level::INFO) {
        return;
    }
    let takes_no_pac = |account: &&Account| !demands_pac(account, policy);
    let takes_any_domain = |account: &&Account| account.domain_sids().is_empty();
    let unbounded = || keys.accounts().filter(|account| takes_no_pac(account) || takes_any_domain(account));
    let Some(first) = unbounded().next() else { return };
    event!(
        target: TARGET,
        Level::INFO,
        code = "unbounded-accounts",
        account = display(BoundedText::new(first.name())),
        realm = display(BoundedText::new(first.realm())),
        accounts = unbounded().count(),
        without_pac = keys.accounts().filter(takes_no_pac).count(),
        any_domain = keys.accounts().filter(takes_any_domain).count(),
        remedy = "In a realm of MIT krb5 or FreeIPA, nothing needs to change. In Active Directory, a name does not identify a \
            user, and a key vouches for all SIDs unless its account names domains: make the key set with \
            from_active_directory_keytab (or the server with Server::in_active_directory), or name the forest's domains \
            (Account::with_domain_sid).",
        "some accounts accept tickets without a PAC, or users of any domain; this is right only outside of Active Directory",
    );
}

pub(crate) fn accepted(accepted: &Accepted, now: Option<UnixTime>) {
    let opened_by = accepted.opened_by();
    event!(
        target: TARGET,
        Level::INFO,
        code = "accepted",
        user = display(accepted.identity().name().bounded()),
        realm = display(BoundedText::new(accepted.identity().realm())),
        sid = accepted.identity().sid().map(display),
        service = display(accepted.service().bounded()),
        service_realm = display(BoundedText::new(accepted.service_realm())),
        account = display(BoundedText::new(opened_by.account().name())),
        ticket_etype = opened_by.etype().0,
        ticket_kvno = accepted.ticket_kvno(),
        key_kvno = opened_by.kvno(),
        session_etype = accepted.session_etype().0,
        skew_seconds = now.map(|now| accepted.authenticator().time().seconds_since(now)),
        channel_bindings = ?accepted.channel_bindings(),
    );
}

#[cold]
pub(crate) fn refused(error: &Error, query: Option<&KeyQuery<'_>>) {
    // `event!` accepts only a constant level, so each level has its own `event!`.
    macro_rules! refusal {
        ($level:expr) => {
            event!(
                target: TARGET,
                $level,
                code = error.code(),
                blame = display(error.blame()),
                service_realm = query.map(|query| display(BoundedText::new(query.realm()))),
                ticket_etype = query.map(|query| query.etype.0),
                ticket_kvno = query.and_then(|query| query.kvno),
                skew_seconds = skew(error),
                remedy = error.remedy().map(display),
                "{error}"
            )
        };
    }
    match error.blame() {
        Blame::Keys | Blame::ReplayCache | Blame::Caller => refusal!(Level::WARN),
        _ => refusal!(Level::INFO),
    }
}

pub(crate) fn goes_on() {
    event!(target: TARGET, Level::DEBUG, code = "continues");
}

const fn skew(error: &Error) -> Option<i64> {
    match error {
        Error::ClockSkew { client, server, .. } => Some(client.seconds_since(*server)),
        _ => None,
    }
}
