use super::*;

#[test]
fn reserve_moves_the_octets_only_when_the_buffer_is_too_small() {
    let mut buffer = Buffer(Vec::with_capacity(4));
    buffer.append(b"key!");
    let before = buffer.0.as_ptr();
    buffer.reserve(0);
    assert_eq!(buffer.0.as_ptr(), before);
    for additional in [1, 100] {
        buffer.reserve(additional);
        assert!(buffer.0.capacity() >= 4 + additional);
        assert_eq!(buffer.0, b"key!");
    }
}

#[test]
fn earlier_spans_keep_their_octets_when_a_full_buffer_grows_or_decryption_fails() {
    let mut buffer = Buffer(Vec::with_capacity(4));
    let first = buffer.append(b"key!");
    let second = buffer.append(b"one more");
    let third = buffer.decrypt(b"cipher", |_, output| {
        output.fill(7);
        Ok::<_, ()>(1..output.len())
    });
    assert_eq!((buffer.slice(first), buffer.slice(second)), (&b"key!"[..], &b"one more"[..]));
    assert_eq!(third.map(|span| buffer.slice(span)), Ok(&[7; 5][..]));
    let refused = buffer.decrypt(b"another ciphertext", |_, _| Err::<Range<usize>, _>("refused"));
    assert_eq!(refused.map(|_| ()), Err("refused"));
    assert_eq!(buffer.slice(first), b"key!");
}
