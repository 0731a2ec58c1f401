//! `GET /GetUserRealm.srf?login={user}`: names the service that signs in the users of a domain. This is an older form of `GET
//! /common/userrealm/{user}`. The answer is XML if the query has `xml=1`, and otherwise JSON.

use super::{CLOUD_AUDIENCE, CLOUD_INSTANCE, templates};
use crate::app::Shared;
use crate::federation::Realm;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use minijinja::context;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RealmInfo<'a> {
    state: u8,
    user_state: u8,
    login: &'a str,
    name_space_type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    domain_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_global_version: Option<i8>,
    #[serde(rename = "AuthURL", skip_serializing_if = "Option::is_none")]
    auth_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    federation_brand_name: Option<&'a str>,
    cloud_instance_name: &'static str,
    cloud_instance_issuer_uri: &'static str,
}

pub(super) async fn answer(State(app): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value = |wanted: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    };
    let Some(login) = value("login") else {
        return (StatusCode::BAD_REQUEST, "The query needs a `login`.\n").into_response();
    };
    let realm = Realm::of(&app.tenants, &login);
    if value("xml").as_deref() != Some("1") {
        return Json(RealmInfo::of(&realm)).into_response();
    }
    match xml(&realm) {
        Some(document) => ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response(),
        None => (StatusCode::BAD_REQUEST, "The login has a character that XML does not allow.\n").into_response(),
    }
}

impl<'a> RealmInfo<'a> {
    fn of(realm: &'a Realm) -> Self {
        let federation = realm.federation();
        let (state, user_state) = if federation.is_some() { FEDERATED } else { MANAGED };
        Self {
            state,
            user_state,
            login: &realm.login,
            name_space_type: realm.namespace_type(),
            domain_name: realm.known_domain(),
            federation_global_version: federation.map(|_| -1),
            auth_url: federation.and_then(|federation| federation.sign_in_url.as_deref()),
            federation_brand_name: realm.brand(),
            cloud_instance_name: CLOUD_INSTANCE,
            cloud_instance_issuer_uri: CLOUD_AUDIENCE,
        }
    }
}

fn xml(realm: &Realm) -> Option<String> {
    let info = RealmInfo::of(realm);
    let federation = realm.federation();
    let values = context! {
        state => info.state.to_string(),
        user_state => info.user_state.to_string(),
        login => info.login,
        name_space_type => info.name_space_type,
        domain => info.domain_name,
        is_federated => federation.is_some(),
        sign_in_url => info.auth_url.unwrap_or_default(),
        active_auth_url => federation.map(|federation| &federation.active_auth_url),
        metadata_url => federation.map(|federation| &federation.metadata_url),
        brand => info.federation_brand_name.unwrap_or_default(),
        cloud_instance => CLOUD_INSTANCE,
        cloud_audience => CLOUD_AUDIENCE,
    };
    templates::render("realm_info.xml", values)
}

/// The values of `State` and `UserState`, with which a client distinguishes federated from managed domains.
const FEDERATED: (u8, u8) = (3, 2);
const MANAGED: (u8, u8) = (4, 1);
