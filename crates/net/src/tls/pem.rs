//! Certificates out of PEM files, with an error that says which block is wrong.
//!
//! Whatever else the file holds (text between blocks, keys) is passed over. Linear in its length.
//! RFC 7468 §5.

use std::error::Error;
use std::fmt;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};

/// Every certificate in `input`, in its order; at least one.
///
/// # Errors
///
/// See [`PemError`]: nothing is returned from a file that is partly wrong.
pub(crate) fn parse_pem_certificates(
    input: &[u8],
) -> Result<Vec<CertificateDer<'static>>, PemError> {
    if input.trim_ascii().is_empty() {
        return Err(PemError::Empty);
    }
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(input) {
        let block = certificates.len() + 1;
        let certificate = certificate.map_err(|cause| PemError::Block { block, cause })?;
        if webpki::anchor_from_trusted_cert(&certificate).is_err() {
            return Err(PemError::NotACertificate { block });
        }
        certificates.push(certificate);
    }
    match certificates.is_empty() {
        true => Err(PemError::NoCertificate),
        false => Ok(certificates),
    }
}

/// Why a PEM file gives no certificates. Blocks are counted from 1.
#[derive(Debug)]
pub(crate) enum PemError {
    /// Nothing but white space.
    Empty,
    /// No `-----BEGIN CERTIFICATE-----`; DER, or only a key.
    NoCertificate,
    /// The block's lines or its base64 are damaged.
    Block { block: usize, cause: pem::Error },
    /// The block decodes, to something that is no X.509 certificate.
    NotACertificate { block: usize },
}

impl fmt::Display for PemError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the file is empty"),
            Self::NoCertificate => formatter.write_str("no CERTIFICATE block (is it PEM?)"),
            Self::Block { block, cause: pem::Error::Base64Decode(_) } => {
                write!(formatter, "bad base64 in certificate {block}")
            }
            Self::Block { block, cause: pem::Error::MissingSectionEnd { .. } } => {
                write!(formatter, "certificate {block} has no END line")
            }
            Self::Block { block, cause } => write!(formatter, "certificate {block}: {cause}"),
            Self::NotACertificate { block } => {
                write!(formatter, "certificate {block} is not an X.509 certificate")
            }
        }
    }
}

impl Error for PemError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Block { cause, .. } => Some(cause),
            Self::Empty | Self::NoCertificate | Self::NotACertificate { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::chains::Authority;

    #[test]
    fn certificates_come_in_order_and_text_between_them_is_passed_over() {
        let (first, second) = (Authority::root("First"), Authority::root("Second"));
        let file = format!(
            "# first\n{}\n# second\r\n{}",
            first.pem(),
            second.pem().replace('\n', "\r\n"),
        );

        let certificates = parse_pem_certificates(file.as_bytes()).unwrap();

        assert_eq!(certificates, [first.der(), second.der()]);
    }

    #[test]
    fn the_error_names_the_block_and_what_is_wrong_with_it() {
        let good = Authority::root("Good").pem();
        let block = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        for (file, sentence) in [
            (String::new(), "the file is empty"),
            (" \r\n".to_owned(), "the file is empty"),
            ("hello".to_owned(), "no CERTIFICATE block (is it PEM?)"),
            (good.replace("CERTIFICATE", "PRIVATE KEY"), "no CERTIFICATE block (is it PEM?)"),
            (good.clone() + &block("*not base64*"), "bad base64 in certificate 2"),
            (block("aGVsbG8="), "certificate 1 is not an X.509 certificate"),
            (good + "-----BEGIN CERTIFICATE-----\naGVsbG8=\n", "certificate 2 has no END line"),
        ] {
            let error = parse_pem_certificates(file.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), sentence, "{file}");
        }
    }
}
