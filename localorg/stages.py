"""What an opportunity's stage says about it (the stages of a new org, Object Reference)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage with its default probability in percent and forecast category."""

    probability: int
    category: str
    closed: bool = False
    won: bool = False

    @property
    def category_name(self) -> str:
        """The forecast category as ForecastCategoryName spells it."""
        return {"BestCase": "Best Case", "Forecast": "Commit"}.get(self.category, self.category)


STAGES = {
    "Prospecting": Stage(10, "Pipeline"),
    "Qualification": Stage(10, "Pipeline"),
    "Needs Analysis": Stage(20, "Pipeline"),
    "Value Proposition": Stage(50, "Pipeline"),
    "Id. Decision Makers": Stage(60, "Pipeline"),
    "Perception Analysis": Stage(70, "BestCase"),
    "Proposal/Price Quote": Stage(75, "BestCase"),
    "Negotiation/Review": Stage(90, "Forecast"),
    "Closed Won": Stage(100, "Closed", closed=True, won=True),
    "Closed Lost": Stage(0, "Omitted", closed=True),
}
UNKNOWN = Stage(0, "Pipeline")
