"""The refusal of an OAuth endpoint: an object with `error` and `error_description`."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.localorg.exchange import Response


@dataclass
class OAuthRefusal(Exception):
    """Why a login was refused."""

    error: str
    description: str

    def response(self) -> Response:
        """The answer a client sees."""
        return Response(400, {"error": self.error, "error_description": self.description})
