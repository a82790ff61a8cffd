"""Django's PostgreSQL backend, plus the officine written in each connection that is taken."""

from django.db.backends.postgresql import base
from psycopg import Error

from pharmacy.isolation.contexte import is_blank, officine_courante, write_officine


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection always carries the current officine, and none once given back."""

    def init_connection_state(self) -> None:
        """Run when a connection is taken, from the pool or new."""
        super().init_connection_state()
        write_officine(self, officine_courante())

    def _close(self) -> None:
        if self.connection is not None and not self.connection.closed and not is_blank(self):
            try:
                write_officine(self, None)
            except Error:
                self.connection.close()
        super()._close()  # type: ignore[misc]  # django-stubs forgets it
