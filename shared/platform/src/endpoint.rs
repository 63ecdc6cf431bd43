//! Where tokens may go: over TLS, or to this machine.

use http::Uri;

/// Checks an address that is about to receive a token: `https`, or `http` to loopback; no user name or password in it.
///
/// # Errors
/// Says in words what is wrong with the address.
pub fn check(address: &str) -> Result<(), String> {
    let uri: Uri = address
        .parse()
        .map_err(|error| format!("`{address}` is not a URL: {error}"))?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return Err(format!(
            "`{address}` is not a whole URL: it wants a scheme and a host"
        ));
    };
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("a URL with a user name or password in it is refused".to_owned());
    }
    match scheme {
        "https" => Ok(()),
        "http" if loopback(host) => Ok(()),
        _ => Err(format!(
            "`{scheme}://{host}` is neither https nor loopback, and would receive a token"
        )),
    }
}

fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn https_anywhere_and_http_to_this_machine_may_receive_tokens() {
        for address in [
            "https://api.metronome.com",
            "http://127.0.0.1:9000/x",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert_eq!(check(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        let cases = [
            "http://api.metronome.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "//host",
            "https://u:p@h/",
        ];
        for address in cases {
            assert!(check(address).is_err(), "{address}");
        }
    }
}
