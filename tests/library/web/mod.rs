//! Tests of HTTP and of the layers for `tower`.

mod http;
mod tower;
mod tower_web;
