//! Errors of the kernel that are limits of this machine, and no answer of the one that was called. Pure.

use rustix::io::Errno;
use wire::GeneratorLimit;

/// The limit that an error of any call for a socket stands for; `None`: the other side, or the way to it, did that. The
/// list follows socket(2), connect(2), send(2), recv(2) and epoll_ctl(2). EACCES of a connection that has begun is not
/// among them: it is what a firewall on the way said (ICMPv6 "administratively prohibited", Linux
/// `icmpv6_err_convert`).
pub fn own_limit(error: Errno) -> Option<GeneratorLimit> {
    Some(match error {
        Errno::MFILE => GeneratorLimit::OpenFiles,
        Errno::NFILE => GeneratorLimit::FilesOfMachine,
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => GeneratorLimit::LocalPorts,
        Errno::NOBUFS | Errno::NOMEM => GeneratorLimit::SocketMemory,
        Errno::NOSPC => GeneratorLimit::WatchedSockets,
        Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT => GeneratorLimit::Route,
        _ => return None,
    })
}

/// The limit that an error stands for with which connecting did not even begin. Nothing was sent yet, so that nobody but
/// this machine can have said that there is no way; on the way, routers say it too.
pub fn own_limit_at_start(error: Errno) -> Option<GeneratorLimit> {
    own_limit(error).or(match error {
        Errno::ACCESS | Errno::PERM => Some(GeneratorLimit::LocalRule),
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::INVAL => Some(GeneratorLimit::Route),
        // No free local port, or no room in the routing cache: connect(2).
        Errno::AGAIN => Some(GeneratorLimit::LocalPorts),
        _ => None,
    })
}

/// True for a limit that another address of the same name may be spared.
pub fn is_of_one_address(limit: GeneratorLimit) -> bool {
    matches!(limit, GeneratorLimit::LocalPorts | GeneratorLimit::LocalRule | GeneratorLimit::Route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_told_from_what_the_other_side_says() {
        use GeneratorLimit::*;
        let own = [
            (Errno::MFILE, OpenFiles),
            (Errno::NFILE, FilesOfMachine),
            (Errno::ADDRNOTAVAIL, LocalPorts),
            (Errno::NOBUFS, SocketMemory),
            (Errno::NOMEM, SocketMemory),
            (Errno::NOSPC, WatchedSockets),
            (Errno::AFNOSUPPORT, Route),
        ];
        for (error, limit) in own {
            assert_eq!((own_limit(error), own_limit_at_start(error)), (Some(limit), Some(limit)), "{error:?}");
        }
        let at_start = [
            (Errno::NETUNREACH, Route),
            (Errno::HOSTUNREACH, Route),
            (Errno::NETDOWN, Route),
            (Errno::AGAIN, LocalPorts),
            (Errno::ACCESS, LocalRule),
            (Errno::PERM, LocalRule),
        ];
        for (error, limit) in at_start {
            assert_eq!((own_limit(error), own_limit_at_start(error)), (None, Some(limit)), "{error:?}");
        }
        for error in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::TIMEDOUT, Errno::PIPE, Errno::CONNABORTED] {
            assert_eq!((own_limit(error), own_limit_at_start(error)), (None, None), "{error:?}");
        }
    }
}
