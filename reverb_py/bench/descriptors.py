"""File descriptors: each connection needs one."""

from reverb_py.bench.plan import Plan

RESERVE = 64  # for the program itself, the loop and the resolver


class TooFew(Exception):
    """The hard limit is below what the plan needs; the text says what to do."""


def make_room(plan: Plan) -> None:
    """Raise this process's soft limit to what the plan needs; raise TooFew when it may not go so high."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = plan.connections + plan.publishers + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        most = max(hard - plan.publishers - RESERVE, 0)
        raise TooFew(
            f"{plan.connections} connections need {needed} file descriptors, and this process may open {hard}. "
            f"Raise the hard limit (ulimit -Hn as root, LimitNOFILE= in systemd, --ulimit nofile= of docker run), "
            f"or ask for at most {most} connections"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
