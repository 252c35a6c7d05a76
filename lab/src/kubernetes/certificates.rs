//! Keys of one lab: its certificate authority, what that signs, and the key of its service account tokens.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The time before now at which certificates start, for clocks that are set back.
const CLOCK_SLACK_DAYS: i64 = 1;
/// A lab lives for hours; a forgotten key should not live for ever.
const VALID_DAYS: i64 = 90;

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// All keys of a lab, PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) server: Identity,
    /// A member of `system:masters`: may do anything.
    pub(crate) admin: Identity,
    pub(crate) token_key: String,
    pub(crate) token_public_key: String,
}

impl Certificates {
    /// Makes new ones.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let authority = authority()?;
        let server = sign(&authority, server()?)?;
        let admin = sign(&authority, admin()?)?;
        let token = KeyPair::generate().context("no key for tokens")?;
        Ok(Self {
            authority: authority.pem(),
            server,
            admin,
            token_key: token.serialize_pem(),
            token_public_key: token.public_key_pem(),
        })
    }
}

fn authority() -> anyhow::Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = named("lab")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn server() -> anyhow::Result<CertificateParams> {
    let mut params = named("kube-apiserver")?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    for name in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
        params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
    }
    Ok(params)
}

fn admin() -> anyhow::Result<CertificateParams> {
    let mut params = named("lab-admin")?;
    params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn named(name: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let day = |ahead: i64| -> anyhow::Result<_> {
        let date = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let date = date.checked_add(jiff::Span::new().days(ahead))?;
        Ok(rcgen::date_time_ymd(i32::from(date.year()), date.month().try_into()?, date.day().try_into()?))
    };
    params.not_before = day(-CLOCK_SLACK_DAYS)?;
    params.not_after = day(VALID_DAYS)?;
    Ok(params)
}

fn sign(authority: &CertifiedIssuer<'static, KeyPair>, params: CertificateParams) -> anyhow::Result<Identity> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}

#[cfg(test)]
mod tests {
    use super::Certificates;

    #[test]
    fn each_lab_has_keys_of_its_own() {
        let (one, other) = (Certificates::generate().unwrap(), Certificates::generate().unwrap());
        assert!(one.server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(one.token_key.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(one.token_public_key.starts_with("-----BEGIN PUBLIC KEY-----"));
        assert_ne!(one.authority, other.authority);
        assert_ne!(one.token_key, other.token_key);
    }
}
