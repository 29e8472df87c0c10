//! Asks a running controller: HTTP/1.1 with JSON bodies over TCP.
//!
//! One connection per request, with limits on time and size, and errors that say what to do. The
//! paths that a controller answers are not known here but for their root.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{Config, Error};

/// Where the operator's API begins.
pub const ROOT: &str = "/weft/v1";

/// Where the Networking API begins.
const NETWORKING: &str = "/v2.0";

/// How long a whole request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The most bytes of an answer: the flows of a large switch are tens of millions.
const MOST: usize = 256 << 20;

/// The address of a controller's API: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl {
    host: String,
    port: u16,
}

impl FromStr for ApiUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Expected("a URL such as http://127.0.0.1:9696".to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let host = uri.host().filter(|host| !host.is_empty());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let user = uri
            .authority()
            .is_some_and(|name| name.as_str().contains('@'));
        match host {
            Some(host) if uri.scheme_str() == Some("http") && path == "/" && !user => Ok(Self {
                host: host.to_owned(),
                port: uri.port_u16().unwrap_or(80),
            }),
            _ => Err(wrong()),
        }
    }
}

impl ApiUrl {
    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority())
    }
}

impl From<SocketAddr> for ApiUrl {
    /// The controller that listens there, asked from the same machine.
    fn from(address: SocketAddr) -> Self {
        let host = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V6(ip) if ip.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        Self {
            host,
            port: address.port(),
        }
    }
}

/// The option of every command that asks a controller.
#[derive(clap::Args, Debug, Clone)]
pub struct Controller {
    /// The controller to ask; by default the one of --listen-api in the same configuration
    #[arg(long, global = true, value_name = "URL")]
    api: Option<ApiUrl>,
}

impl Controller {
    /// The client of the controller that is meant. The configuration is asked for only when no
    /// controller was named.
    ///
    /// # Errors
    ///
    /// Those of `config`.
    pub fn client(&self, config: impl FnOnce() -> Result<Config, Error>) -> Result<Client, Error> {
        let url = match &self.api {
            Some(url) => url.clone(),
            None => config()?.listen_api.0.into(),
        };
        Ok(Client::new(url))
    }
}

/// Asks one controller.
#[derive(Debug, Clone)]
pub struct Client {
    url: ApiUrl,
    /// Where the paths begin that it asks for.
    root: &'static str,
}

impl Client {
    /// A client of the controller there.
    #[must_use]
    pub fn new(url: ApiUrl) -> Self {
        Self { url, root: ROOT }
    }

    /// The same for the Networking API, as tenants use it.
    #[must_use]
    pub fn networking(&self) -> Self {
        Self {
            url: self.url.clone(),
            root: NETWORKING,
        }
    }

    /// The controller that is asked.
    #[must_use]
    pub fn url(&self) -> &ApiUrl {
        &self.url
    }

    /// What stands at a path below the root, which begins with a slash.
    ///
    /// # Errors
    ///
    /// [`Error::NoController`], [`Error::Refused`] and [`Error::Answer`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Sends a body to a path below the root.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|error| self.wrong(path, error))?;
        self.ask(Method::POST, path, body.into()).await
    }

    /// Takes away what stands at a path below the root.
    ///
    /// # Errors
    ///
    /// As [`Client::get`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(Method::DELETE, path, Bytes::new()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<T, Error> {
        let asked = async {
            let stream = self.connect().await?;
            self.exchange(stream, method, path, body).await
        };
        let (status, body) = tokio::time::timeout(PATIENCE, asked)
            .await
            .map_err(|_| self.wrong(path, format!("no answer in {} s", PATIENCE.as_secs())))??;
        if !status.is_success() {
            return Err(Error::Refused {
                url: self.address(path),
                status: status.as_u16(),
                message: message(status, &body),
            });
        }
        serde_json::from_slice(&body).map_err(|error| self.wrong(path, error))
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<TcpStream, Error> {
        let host = self.url.host.trim_start_matches('[').trim_end_matches(']');
        TcpStream::connect((host, self.url.port))
            .await
            .map_err(|error| Error::NoController {
                url: self.url.to_string(),
                reason: match error.kind() {
                    std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
                    _ => error.to_string(),
                },
            })
    }

    /// One request and its answer over a connection of its own.
    async fn exchange<S>(
        &self,
        stream: S,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let request = Request::builder()
            .method(method)
            .uri(self.uri(path))
            .header(HOST, self.url.authority())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.wrong(path, error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.wrong(path, error))?;
        let asked = async {
            let response = sender.send_request(request).await;
            let response: Response<_> = response.map_err(|error| self.wrong(path, error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MOST).collect().await;
            let body = body.map_err(|error| self.wrong(path, error))?;
            Ok((status, body.to_bytes()))
        };
        // The connection is driven here and ends with the answer; its errors are the answer's.
        let mut connection = std::pin::pin!(connection);
        let mut asked = std::pin::pin!(asked);
        tokio::select! {
            answer = &mut asked => answer,
            _ = &mut connection => asked.await,
        }
    }

    /// What stands in a request for a path below the root.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The whole address of a path below the root.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{}{path}", self.url, self.root)
    }

    /// What answers is no controller.
    pub(crate) fn wrong(&self, path: &str, reason: impl ToString) -> Error {
        Error::Answer {
            url: self.address(path),
            reason: reason.to_string(),
        }
    }
}

/// A word as one segment of a path, whatever it holds.
#[must_use]
pub fn segment(word: &str) -> String {
    utf8_percent_encode(word, NON_ALPHANUMERIC).to_string()
}

/// The words of a refusal: the `message` of the body or of the object in it, else the status.
pub(crate) fn message(status: StatusCode, body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let inner = value
        .as_object()
        .into_iter()
        .flat_map(|fields| fields.values())
        .find_map(|field| field.get("message"));
    let said = value.get("message").or(inner).and_then(Value::as_str);
    match said {
        Some(said) => said.to_owned(),
        None => status.canonical_reason().unwrap_or("refused").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn client() -> Client {
        Client::new("http://127.0.0.1:9696".parse().unwrap())
    }

    /// What the client says to a server that answers with these bytes, and what it makes of them.
    async fn exchange(answer: &str) -> (String, Result<(StatusCode, Bytes), Error>) {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let answer = answer.to_owned();
        let server = tokio::spawn(async move {
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n{}") {
                assert!(far.read_buf(&mut heard).await.unwrap() > 0);
            }
            far.write_all(answer.as_bytes()).await.unwrap();
            drop(far);
            String::from_utf8(heard).unwrap()
        });
        let body = Bytes::from_static(b"{}");
        let client = client();
        let asked = client.exchange(near, Method::POST, "/switches/1/release", body);
        let got = asked.await;
        (server.await.unwrap(), got)
    }

    #[tokio::test]
    async fn a_request_names_host_and_path_and_the_answer_is_its_body() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue";
        let (heard, got) = exchange(answer).await;
        assert!(heard.starts_with("POST /weft/v1/switches/1/release HTTP/1.1\r\n"));
        assert!(heard.contains("host: 127.0.0.1:9696\r\n"), "{heard}");
        assert_eq!(got.unwrap(), (StatusCode::OK, Bytes::from_static(b"true")));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_or_is_not_http_is_an_error() {
        for answer in [
            "",
            "SSH-2.0-OpenSSH_9.6\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntr",
        ] {
            let error = exchange(answer).await.1.unwrap_err();
            assert!(
                error.to_string().starts_with(
                    "http://127.0.0.1:9696/weft/v1/switches/1/release does not answer as"
                ),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_the_error_says_what_to_do() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let client = Client::new(address.into());
        let error = client.get::<Value>("/switches").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "no controller answers at http://{address}: connection refused; \
                 start one with `weft serve` or name it with --api"
            )
        );
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_body() {
        let rows = [
            (r#"{"message": "no such switch"}"#, "no such switch"),
            (r#"{"NeutronError": {"message": "busy"}}"#, "busy"),
            (r#"[1, 2]"#, "Not Found"),
            ("<html>", "Not Found"),
        ];
        for (body, said) in rows {
            assert_eq!(message(StatusCode::NOT_FOUND, body.as_bytes()), said);
        }
    }

    #[test]
    fn a_segment_of_a_path_holds_no_slash_space_or_question_mark() {
        assert_eq!(segment("hv1"), "hv1");
        assert_eq!(segment("a/b c?"), "a%2Fb%20c%3F");
    }

    #[test]
    fn urls_are_plain_http_without_path_or_user() {
        let url: ApiUrl = "http://[::1]:9696".parse().unwrap();
        assert_eq!(url.to_string(), "http://[::1]:9696");
        assert_eq!(
            "http://weft".parse::<ApiUrl>().unwrap().to_string(),
            "http://weft:80"
        );
        for text in [
            "",
            "weft:9696",
            "https://weft",
            "http://weft/x",
            "http://a:b@weft",
        ] {
            assert!(text.parse::<ApiUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_controller_that_listens_everywhere_is_asked_on_loopback() {
        let url = |address: &str| ApiUrl::from(address.parse::<SocketAddr>().unwrap()).to_string();
        assert_eq!(url("0.0.0.0:9696"), "http://127.0.0.1:9696");
        assert_eq!(url("[::]:9696"), "http://[::1]:9696");
        assert_eq!(url("192.0.2.1:9696"), "http://192.0.2.1:9696");
    }
}
