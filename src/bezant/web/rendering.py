"""Templates to HTML: one environment a language, everything escaped, an unknown name an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from bezant.web.assets import Assets, sorted_files
from bezant.web.languages import Language, languages


@dataclass(frozen=True, slots=True)
class _Templates:
    environment: Environment
    language: Language


class Pages:
    """Draws pages from views."""

    def __init__(self, assets: Assets, sources: Mapping[str, str] | None = None) -> None:
        """``sources`` are templates by name; those of the package unless given."""
        loader = DictLoader(template_sources() if sources is None else sources)
        self._by_language = {
            language.tag: _environment(language, assets, loader) for language in languages().values()
        }

    def draw(self, template: str, page: object, language: Language, *, choice: bool = True) -> str:
        """The page that ``template`` (``pay.html``) makes of a view.

        ``choice``: whether it offers its other languages.
        """
        shown = tuple(languages().values()) if choice else ()
        environment = self._by_language[language.tag]
        return environment.get_template(template).render(page=page, languages_shown=shown)


def template_sources() -> dict[str, str]:
    """The package's templates, by name."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted_files("templates")}


def _environment(language: Language, assets: Assets, loader: DictLoader) -> Environment:
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_translations(language.texts, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    environment.filters["money"] = language.money
    environment.globals.update(language=language, assets=assets)
    return environment
