//! DER as a tree that tests can change into encodings that no encoder writes.

/// An element: its identifier octet, and its contents. The contents of a constructed element are its child elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    pub tag: u8,
    pub body: Body,
    /// If a test sets this, the octets that the encoder writes in place of the length octets.
    pub raw_length: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Bytes(Vec<u8>),
    Children(Vec<Tlv>),
}

impl Tlv {
    pub fn bytes(tag: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { tag, body: Body::Bytes(bytes.into()), raw_length: None }
    }

    pub fn of(tag: u8, children: Vec<Tlv>) -> Self {
        Self { tag, body: Body::Children(children), raw_length: None }
    }

    /// Reads `der`, which must be exactly one element.
    pub fn parse(der: &[u8]) -> Self {
        let (tlv, rest) = Self::parse_first(der);
        assert!(rest.is_empty());
        tlv
    }

    fn parse_first(der: &[u8]) -> (Self, &[u8]) {
        let (header, length) = header(der);
        let (contents, rest) = der[header..].split_at(length);
        let tag = der[0];
        if tag & 0x20 == 0 {
            return (Self::bytes(tag, contents), rest);
        }
        let mut children = Vec::new();
        let mut contents = contents;
        while !contents.is_empty() {
            let (child, after) = Self::parse_first(contents);
            children.push(child);
            contents = after;
        }
        (Self::of(tag, children), rest)
    }

    pub fn encode(&self) -> Vec<u8> {
        let contents = match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Children(children) => children.iter().flat_map(Self::encode).collect(),
        };
        let length = self.raw_length.clone().unwrap_or_else(|| length_octets(contents.len()));
        [&[self.tag][..], &length, &contents].concat()
    }

    pub fn children(&mut self) -> &mut Vec<Tlv> {
        match &mut self.body {
            Body::Children(children) => children,
            Body::Bytes(_) => panic!("a primitive element has no children"),
        }
    }

    /// Returns the element at `path`. A path has the index of one child for each level.
    pub fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |tlv, index| &mut tlv.children()[*index])
    }

    pub fn set(&mut self, path: &[usize], bytes: impl Into<Vec<u8>>) {
        self.at(path).body = Body::Bytes(bytes.into());
    }

    /// Returns the paths of all elements, beginning with the empty path of this element.
    pub fn paths(&self) -> Vec<Vec<usize>> {
        let mut paths = vec![Vec::new()];
        if let Body::Children(children) = &self.body {
            for (index, child) in children.iter().enumerate() {
                paths.extend(child.paths().into_iter().map(|path| [vec![index], path].concat()));
            }
        }
        paths
    }
}

/// Returns the offsets in `der` of the identifier octet and of the contents of the element at `path`.
pub fn offsets(der: &[u8], path: &[usize]) -> (usize, usize) {
    let mut at = 0;
    for index in path {
        at += header(&der[at..]).0;
        for _ in 0..*index {
            let (header, length) = header(&der[at..]);
            at += header + length;
        }
    }
    (at, at + header(&der[at..]).0)
}

/// Returns the number of octets in the header, and the number of octets in the contents.
fn header(der: &[u8]) -> (usize, usize) {
    match der[1] {
        length @ 0..0x80 => (2, usize::from(length)),
        count => {
            let octets = &der[2..2 + usize::from(count & 0x7F)];
            (2 + octets.len(), octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    }
}

fn length_octets(length: usize) -> Vec<u8> {
    if length < 0x80 {
        return vec![u8::try_from(length).unwrap()];
    }
    let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    [&[0x80 | u8::try_from(octets.len()).unwrap()][..], &octets].concat()
}
