"""One thread for BLAS wherever requests are estimated.

A second thread saves nothing on matrices this small, fights the encoder for its core, and may split a sum elsewhere:
the same request could then get other bits in another process.
"""

from threadpoolctl import threadpool_limits


def one_blas_thread() -> threadpool_limits:
    """Limit BLAS to one thread from now on; as a context manager, until its end."""
    return threadpool_limits(limits=1, user_api="blas")
