//! Authorization data (RFC 4120 section 5.2.6): this file visits every element, and rejects a critical element of unknown
//! type.

use crate::error::{Error, Part};
use crate::limits::MAX_AUTH_DATA_DEPTH;
use crate::wire::der::{Malformed, Problem};
use crate::wire::krb5::{AdType, AuthorizationData, AuthorizationElement};

/// Calls `visit` for each element, also for the elements inside AD-IF-RELEVANT. The criticality says whether an
/// acceptor may ignore the element.
pub(crate) fn walk<'a>(
    data: AuthorizationData<'a>,
    visit: &mut impl FnMut(AuthorizationElement<'a>, Criticality) -> Result<(), Error>,
) -> Result<(), Error> {
    walk_level(data, Criticality::Critical, MAX_AUTH_DATA_DEPTH, visit)
}

/// Whether an acceptor that does not know an element may ignore it (RFC 4120 section 5.2.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criticality {
    Critical,
    IfRelevant,
}

/// Visits the elements of one container. At most `levels` further levels may be nested in the container.
fn walk_level<'a>(
    data: AuthorizationData<'a>,
    criticality: Criticality,
    levels: usize,
    visit: &mut impl FnMut(AuthorizationElement<'a>, Criticality) -> Result<(), Error>,
) -> Result<(), Error> {
    for element in data.iter() {
        if element.ad_type != AdType::IF_RELEVANT {
            visit(element, criticality)?;
            continue;
        }
        let Some(levels) = levels.checked_sub(1) else {
            let problem = Problem::TooMany(MAX_AUTH_DATA_DEPTH);
            return Err(Malformed { what: "AuthorizationData", at: 0, problem }.into());
        };
        walk_level(AuthorizationData::nested(element.data)?, Criticality::IfRelevant, levels, visit)?;
    }
    Ok(())
}

/// Rejects an element of unknown type outside of AD-IF-RELEVANT: such an element is critical (RFC 4120 section 5.2.6). An
/// acceptor that ignores such an element may ignore a restriction that the KDC or the client put on the ticket.
pub(crate) fn check_critical(
    element: AuthorizationElement<'_>,
    criticality: Criticality,
    part: Part,
) -> Result<(), Error> {
    if criticality == Criticality::Critical && !HARMLESS.contains(&element.ad_type) {
        return Err(Error::AuthorizationData { part, ad_type: element.ad_type.0 });
    }
    Ok(())
}

/// The types of elements that do not restrict the ticket for this acceptor. The elements describe the client, or are
/// for a party other than the acceptor.
const HARMLESS: [AdType; 8] = [
    AdType::INITIAL_VERIFIED_CAS,
    AdType::MANDATORY_FOR_KDC,
    AdType::WIN2K_PAC,
    AdType::ETYPE_NEGOTIATION,
    AdType::TOKEN_RESTRICTIONS,
    AdType::KERB_LOCAL,
    AdType::AP_OPTIONS,
    AdType::CLIENT_TARGET,
];
