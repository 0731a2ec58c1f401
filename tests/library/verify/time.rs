//! The clock skew and the times of tickets, at every limit and one second beyond it.

use crate::common;

use common::tlv::offsets;
use common::{NOW, Server, malformed};
use core::time::Duration;
use kerberos_sso::testing::{TestToken, TimeText};
use kerberos_sso::{Error, Policy, UnixTime, error::Problem, ticket::TicketFlags};

const HOUR: i64 = 60 * 60;

fn after(seconds: i64) -> UnixTime {
    NOW.saturating_add_seconds(seconds)
}

fn instant(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

mod authenticator {
    use super::*;

    fn skew(policy: Policy, allowed_seconds: i64) {
        let server = Server::with_policy(policy);
        for accepted in [-allowed_seconds, 0, allowed_seconds] {
            server.assert_accepts(|token| token.authenticator.ctime = after(accepted).into());
        }
        for refused in [-allowed_seconds - 1, allowed_seconds + 1, -10 * HOUR, 10 * HOUR] {
            let client = after(refused);
            let error = server.refusal(|token| token.authenticator.ctime = client.into());
            assert_eq!(error, Error::ClockSkew { client, server: NOW, allowed_seconds });
        }
    }

    #[test]
    fn clock_skew_of_five_minutes_is_accepted_and_one_second_more_is_refused() {
        skew(Policy::default(), 300);
    }

    #[test]
    fn clock_skew_of_the_policy_is_the_limit_in_whole_seconds() {
        skew(Policy::default().with_clock_skew(Duration::from_secs(1)), 1);
        skew(Policy::default().with_clock_skew(Duration::ZERO), 0);
        skew(Policy::default().with_clock_skew(Duration::from_millis(2_999)), 2);
    }

    /// The server compares whole seconds, so microseconds change no verdict.
    #[test]
    fn microseconds_are_ignored_in_the_clock_skew() {
        let mut server = Server::new();
        server.now = NOW.with_micros(999_999).unwrap();
        server.assert_accepts(|token| *token = token.clone().sent_at(after(-300)));
        server.now = NOW;
        server.assert_accepts(|token| *token = token.clone().sent_at(after(300).with_micros(999_999).unwrap()));
    }

    #[test]
    fn cusec_below_zero_or_above_999999_is_malformed() {
        let server = Server::new();
        for cusec in [0, 1, 999_999] {
            let accepted = server.accepts(|token| token.authenticator.cusec = cusec);
            assert_eq!(i64::from(accepted.authenticator().time().micros()), cusec);
        }
        for cusec in [-1, 1_000_000, 1 << 32, i64::MIN, i64::MAX] {
            let mut token = server.good();
            token.authenticator.cusec = cusec;
            let (at, _) = offsets(&token.authenticator.plaintext(), &[0, 4, 0]);
            let error = malformed("Authenticator.cusec", at, Problem::Number);
            assert_eq!(server.check(&token.mint()).unwrap_err(), error, "{cusec}");
        }
    }

    #[test]
    fn largest_clock_skew_of_a_policy_accepts_an_authenticator_of_any_time() {
        let server = Server::with_policy(Policy::default().with_clock_skew(Duration::MAX));
        for ctime in ["00000101000000Z", "99991231235959Z"] {
            server.assert_accepts(|token| token.authenticator.ctime = ctime.into());
        }
    }
}

mod ticket {
    use super::*;

    #[test]
    fn ticket_that_starts_one_skew_and_one_second_from_now_is_not_yet_valid() {
        let server = Server::new();
        server.assert_accepts(|token| token.ticket.starttime = Some(after(300).into()));
        let start = after(301);
        let error = server.refusal(|token| token.ticket.starttime = Some(start.into()));
        assert_eq!(error, Error::TicketNotYetValid { start, now: NOW });
    }

    /// If starttime is absent, authtime is used instead (RFC 4120 section 5.3).
    #[test]
    fn authtime_is_the_start_of_a_ticket_without_starttime() {
        let server = Server::new();
        server.assert_accepts(|token| {
            token.ticket.starttime = None;
            token.ticket.authtime = after(300).into();
        });
        let start = after(301);
        let error = server.refusal(|token| {
            token.ticket.starttime = None;
            token.ticket.authtime = start.into();
        });
        assert_eq!(error, Error::TicketNotYetValid { start, now: NOW });
        let accepted = server.accepts(|token| token.ticket.starttime = None);
        assert_eq!(accepted.ticket().start_time(), accepted.ticket().auth_time());
        assert_eq!(accepted.ticket().starttime(), None);
    }

    #[test]
    fn ticket_that_ended_one_skew_and_one_second_ago_is_refused() {
        let server = Server::new();
        server.assert_accepts(|token| {
            token.ticket.starttime = Some(after(-HOUR).into());
            token.ticket.endtime = after(-300).into();
        });
        let end = after(-301);
        let error = server.refusal(|token| {
            token.ticket.starttime = Some(after(-HOUR).into());
            token.ticket.endtime = end.into();
        });
        assert_eq!(error, Error::TicketExpired { end, now: NOW });
    }

    #[test]
    fn renewable_ticket_is_refused_after_its_endtime() {
        let server = Server::new();
        let end = after(-301);
        let error = server.refusal(|token| {
            token.ticket.starttime = Some(after(-HOUR).into());
            token.ticket.endtime = end.into();
            token.ticket.renew_till = Some(after(100 * HOUR).into());
        });
        assert_eq!(error, Error::TicketExpired { end, now: NOW });
    }

    #[test]
    fn ticket_with_the_flag_invalid_is_refused() {
        let server = Server::new();
        assert_eq!(server.refusal(|token| token.ticket.add_flags(TicketFlags::INVALID)), Error::TicketInvalid);
        server.assert_accepts(|token| token.ticket.add_flags(TicketFlags::POSTDATED));
    }

    #[test]
    fn ticket_with_a_lifetime_over_one_day_and_one_skew_is_refused() {
        lifetime(Policy::default(), 24 * HOUR + 300);
    }

    #[test]
    fn ticket_with_a_lifetime_over_the_limit_of_the_policy_is_refused() {
        lifetime(Policy::default().with_max_ticket_lifetime(Some(Duration::from_secs(60))), 360);
        let short = Policy::default().with_clock_skew(Duration::ZERO);
        lifetime(short.with_max_ticket_lifetime(Some(Duration::from_secs(7200))), 7200);
        lifetime(
            Policy::seamless_sso().with_any_service().with_pac(kerberos_sso::policy::PacPolicy::AllowAbsent),
            10 * HOUR + 300,
        );
    }

    fn lifetime(policy: Policy, limit_seconds: i64) {
        let server = Server::with_policy(policy);
        let lives = |token: &mut TestToken, seconds| {
            token.ticket.authtime = after(-HOUR).into();
            token.ticket.starttime = Some(NOW.into());
            token.ticket.endtime = after(seconds).into();
        };
        for seconds in [0, 1, limit_seconds] {
            server.assert_accepts(|token| lives(token, seconds));
        }
        for seconds in [limit_seconds + 1, 10 * 365 * 24 * HOUR] {
            let mut token = server.good();
            lives(&mut token, seconds);
            let error = server.check(&token.mint()).unwrap_err();
            assert_eq!(error, Error::TicketLifetime { seconds, limit_seconds });
        }
    }

    #[test]
    fn ticket_that_ends_before_it_starts_is_refused() {
        let server = Server::new();
        let limit_seconds = 24 * HOUR + 300;
        let error = server.refusal(|token| {
            token.ticket.starttime = Some(NOW.into());
            token.ticket.endtime = after(-1).into();
        });
        assert_eq!(error, Error::TicketLifetime { seconds: -1, limit_seconds });
    }

    #[test]
    fn ticket_of_any_lifetime_is_accepted_when_the_policy_has_no_limit() {
        let server = Server::with_policy(Policy::default().with_max_ticket_lifetime(None));
        server.assert_accepts(|token| {
            token.ticket.starttime = Some("00000101000000Z".into());
            token.ticket.endtime = "99991231235959Z".into();
        });
        let error = server.refusal(|token| {
            token.ticket.starttime = Some(NOW.into());
            token.ticket.endtime = after(-1).into();
        });
        assert_eq!(error, Error::TicketLifetime { seconds: -1, limit_seconds: i64::MAX });
    }
}

mod calendar {
    use super::*;

    /// Times in the years 0, 1970, 2038, 2106, 2110 and 9999. The years of four digits are 0 to 9999. The times in 2038
    /// and 2106 are 2³¹ and 2³² seconds after 1970 began.
    const YEARS: [i64; 6] = [-62_150_000_000, 1_000_000, 2_147_483_648, 4_294_967_296, 4_430_000_000, 253_400_000_000];

    #[test]
    fn request_is_accepted_in_years_from_0_to_9999() {
        let mut server = Server::new();
        for now in YEARS.map(instant) {
            server.now = now;
            let accepted = server.check(&server.good().mint()).unwrap();
            assert_eq!(accepted.authenticator().time(), now);
            assert_eq!(accepted.ticket().start_time(), now.saturating_add_seconds(-60));
            let late = server.refusal(|token| token.authenticator.ctime = now.saturating_add_seconds(301).into());
            let client = now.saturating_add_seconds(301);
            assert_eq!(late, Error::ClockSkew { client, server: now, allowed_seconds: 300 });
        }
    }

    #[test]
    fn ticket_of_a_distant_year_is_expired_or_not_yet_valid() {
        let server = Server::new();
        for then in YEARS.map(instant) {
            let token = server.realm.ticket_for("alice").at(then);
            let expected = if then < NOW {
                let end = then.saturating_add_seconds(10 * HOUR - 600);
                Error::TicketExpired { end, now: NOW }
            } else {
                Error::TicketNotYetValid { start: then.saturating_add_seconds(-60), now: NOW }
            };
            assert_eq!(server.check(&token.mint()).unwrap_err(), expected);
        }
    }

    #[test]
    fn ticket_is_expired_or_not_yet_valid_when_the_servers_clock_has_an_extreme_value() {
        let mut server = Server::new();
        let token = server.good().mint();
        let (end, start) = (after(10 * HOUR - 600), after(-60));
        server.now = instant(i64::MAX);
        assert_eq!(server.check(&token).unwrap_err(), Error::TicketExpired { end, now: server.now });
        server.now = instant(i64::MIN);
        assert_eq!(server.check(&token).unwrap_err(), Error::TicketNotYetValid { start, now: server.now });
    }

    const NO_TIMES: [&str; 28] = [
        "",
        "Z",
        "20261121080000",
        "20261121080000z",
        "20261121080000.0Z",
        "20261121080000.000Z",
        "20261121080000,5Z",
        "20261121080000+0000",
        "20261121090000+0100",
        "20261121080000-0000",
        "202611210800Z",
        "2611210800Z",
        "261121080000Z",
        "20261321080000Z",
        "20260021080000Z",
        "20261100080000Z",
        "20261131080000Z",
        "20260230080000Z",
        "20270229080000Z",
        "21000229080000Z",
        "20261121240000Z",
        "20261121086000Z",
        "20261121080060Z",
        " 20261121080000Z",
        "20261121080000Z ",
        "2026-11-21T08:00:00Z",
        "+0261121080000Z",
        "20261121080000Z\0",
    ];

    #[test]
    fn time_in_another_form_than_kerberos_time_is_malformed() {
        let server = Server::new();
        let bytes = NO_TIMES.map(str::as_bytes).into_iter().chain([
            &b"2026112108\x00\x00\x00\x00Z"[..],
            b"\xB2\xB0261121080000Z",
            "２０２６1121080000Z".as_bytes(),
        ]);
        for text in bytes.map(|bytes| TimeText(bytes.to_vec())) {
            for (what, field, put) in TICKET_TIMES {
                let mut token = server.good();
                put(&mut token, text.clone());
                let (_, at) = offsets(&token.ticket.plaintext(), &[0, field, 0]);
                assert_eq!(server.check(&token.mint()).unwrap_err(), malformed(what, at, Problem::Time), "{text:?}");
            }
            let mut token = server.good();
            token.authenticator.ctime = text.clone();
            let (_, at) = offsets(&token.authenticator.plaintext(), &[0, 5, 0]);
            let error = malformed("Authenticator.ctime", at, Problem::Time);
            assert_eq!(server.check(&token.mint()).unwrap_err(), error, "{text:?}");
        }
    }

    type Put = fn(&mut TestToken, TimeText);

    const TICKET_TIMES: [(&str, usize, Put); 4] = [
        ("EncTicketPart.authtime", 5, |token, time| token.ticket.authtime = time),
        ("EncTicketPart.starttime", 6, |token, time| token.ticket.starttime = Some(time)),
        ("EncTicketPart.endtime", 7, |token, time| token.ticket.endtime = time),
        ("EncTicketPart.renew-till", 8, |token, time| token.ticket.renew_till = Some(time)),
    ];
}
