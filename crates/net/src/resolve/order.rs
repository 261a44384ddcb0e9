//! Which addresses are worth a try: those that this machine has a way to, before the others.
//!
//! The system's look-up sorts its answers; those of DNS over HTTPS come as they are. Nothing is sent:
//! a datagram socket is only told where it would send to. RFC 6724 §6, rule 1; Chromium
//! `AddressSorterPosix`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Puts the addresses without a way behind those with one.
pub(super) fn usable_first(addresses: &mut [IpAddr]) {
    addresses.sort_by_cached_key(|address| !has_way(*address));
}

fn has_way(address: IpAddr) -> bool {
    let from = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    UdpSocket::bind((from, 0)).and_then(|socket| socket.connect((address, DISCARD))).is_ok()
}

const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_way_goes_behind_and_the_rest_stay_in_order() {
        // A broadcast address has no way for a socket that was not told so.
        let (nowhere, one, other) = (
            IpAddr::V4(Ipv4Addr::BROADCAST),
            IpAddr::from([127, 0, 0, 1]),
            IpAddr::from([127, 0, 0, 2]),
        );
        let mut addresses = [nowhere, other, one];
        usable_first(&mut addresses);
        assert_eq!(addresses, [other, one, nowhere]);
    }
}
