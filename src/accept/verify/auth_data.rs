//! Authorization data that restricts: found, told apart from what may be ignored, and refused if nobody here knows it.

use crate::error::{Error, Part};
use crate::limits::MAX_AUTH_DATA_DEPTH;
use crate::wire::der::{Malformed, Problem};
use crate::wire::krb5::{AdType, AuthorizationData, AuthorizationElement};

/// Looks through the containers of AD-IF-RELEVANT and hands every other element to `visit`, which hears whether it may be
/// ignored.
pub(crate) fn walk<'a>(
    data: AuthorizationData<'a>,
    visit: &mut impl FnMut(AuthorizationElement<'a>, Criticality) -> Result<(), Error>,
) -> Result<(), Error> {
    walk_level(data, Criticality::Critical, MAX_AUTH_DATA_DEPTH, visit)
}

/// Whether an element that is not known may be ignored (RFC 4120 section 5.2.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criticality {
    Critical,
    IfRelevant,
}

/// `levels` is how many more containers may be opened: the depth is bounded, so the recursion is.
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

/// RFC 4120 section 5.2.6: who does not understand an element that is not in AD-IF-RELEVANT must refuse. Others ignore
/// such elements; but what is ignored there is a restriction that a KDC or a client laid on itself.
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

/// What says something about the client and takes nothing away, or is meant for others.
const HARMLESS: [AdType; 8] = [
    AdType::INITIAL_VERIFIED_CAS,
    AdType::MANDATORY_FOR_KDC,
    AdType::WIN2K_PAC,
    AdType::ETYPE_NEGOTIATION,
    AdType::TOKEN_RESTRICTIONS,
    AdType::KERB_LOCAL,
    AdType::AP_OPTIONS,
    AdType::TARGET_PRINCIPAL,
];
