use std::io::{self, BufRead, Read};

/// An answer as it came over the wire, its body unframed.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Reads one answer. `has_no_body` is for `HEAD`, whose `Content-Length` speaks of a body that does not come.
    pub(crate) fn read(reader: &mut impl BufRead, has_no_body: bool) -> io::Result<Response> {
        let status_line = line(reader)?;
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| invalid(&format!("no status line: {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("a header without a colon"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new() };
        if !has_no_body && status != 204 && status != 304 && status >= 200 {
            response.read_body(reader)?;
        }
        Ok(response)
    }

    fn read_body(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.read_chunks(reader);
        }
        match self.header("content-length") {
            Some(length) => {
                let length: usize =
                    length.parse().map_err(|_| invalid("a content-length that is no number"))?;
                self.body.resize(length, 0);
                reader.read_exact(&mut self.body)
            }
            None => reader.read_to_end(&mut self.body).map(drop),
        }
    }

    fn read_chunks(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        loop {
            let size = line(reader)?;
            let size =
                usize::from_str_radix(size.trim(), 16).map_err(|_| invalid("a chunk without a size"))?;
            let start = self.body.len();
            self.body.resize(start + size, 0);
            reader.read_exact(&mut self.body[start..])?;
            if !line(reader)?.is_empty() {
                return Err(invalid("a chunk longer than it says"));
            }
            if size == 0 {
                return Ok(());
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The causality token, which must be there.
    pub(crate) fn token(&self) -> String {
        self.header("x-garage-causality-token").unwrap_or_else(|| panic!("no token: {self}")).to_owned()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// This answer, if it has that status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Response {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.body[..self.body.len().min(600)];
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(shown))
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(64 << 10).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.strip_suffix(b"\r\n").ok_or_else(|| invalid("a line that does not end"))?;
    String::from_utf8(line.to_vec()).map_err(|_| invalid("a head that is not text"))
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}
