"""One thread for BLAS wherever estimators are fitted and requests are estimated.

A second thread saves nothing on matrices this small. Where another process wants the core, the two threads wait for
each other: an eigendecomposition of 700 columns took .39 s on two threads and .09 s on one. And a second thread may
split a sum elsewhere, so that the same request gets other bits in another process.
"""

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """Limit BLAS to one thread from now on; as a context manager, until its end."""
    return threadpool_limits(limits=1, user_api="blas")
