#![allow(clippy::unwrap_used)]
use super::*;
use crate::crypto::records::for_each;
use aes::cipher::KeyInit;
use aes::cipher::consts::U21;

#[test]
fn n_fold_equals_the_vectors_of_rfc_3961() {
    for_each(include_str!("../../../testvectors/crypto/n_fold.txt"), 14, |record| {
        let (input, expected) = (record.octets("Input"), record.octets("Output"));
        let folded = match expected.len() {
            7 => n_fold::<7>(&input).to_vec(),
            8 => n_fold::<8>(&input).to_vec(),
            16 => n_fold::<16>(&input).to_vec(),
            21 => n_fold::<21>(&input).to_vec(),
            24 => n_fold::<24>(&input).to_vec(),
            _ => n_fold::<32>(&input).to_vec(),
        };
        assert_eq!(folded, expected);
    });
}

#[test]
fn derive_random_equals_the_vectors_of_rfc_3961() {
    for_each(include_str!("../../../testvectors/crypto/derive_random.txt"), 9, |record| {
        let cipher = des::TdesEde3::new_from_slice(&record.octets("Key")).unwrap();
        let folded = n_fold::<8>(&record.octets("Constant")).into();
        let [derived] = derive_random::<_, U21, 1>(&cipher, [folded]);
        assert_eq!(derived.as_slice(), record.octets("DR"));
    });
}

#[test]
fn derive_random_of_two_constants_equals_two_calls_with_one_constant() {
    let cipher = aes::Aes256::new(&[7; 32].into());
    let [a, b] = [[1; 16].into(), [2; 16].into()];
    let [alone_a] = derive_random::<_, U21, 1>(&cipher, [a]);
    let [alone_b] = derive_random::<_, U21, 1>(&cipher, [b]);
    let [in_step_a, in_step_b] = derive_random::<_, U21, 2>(&cipher, [a, b]);
    assert_eq!([*in_step_a, *in_step_b], [*alone_a, *alone_b]);
}

#[test]
fn folded_usage_from_the_table_equals_the_computed_folded_usage() {
    for number in 0..40 {
        let (table, folded) = (FoldedUsage::of(KeyUsage(number)), FoldedUsage::fold(KeyUsage(number)));
        assert_eq!(table.encryption, folded.encryption);
        assert_eq!(table.integrity, folded.integrity);
        assert_eq!(table.checksum, folded.checksum);
    }
}
