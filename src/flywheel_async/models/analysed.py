"""Analyses of containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flywheel_async.models.analysis import Analysis
from flywheel_async.models.container import Container
from flywheel_async.resources import analyses as _analyses
from flywheel_async.resources.bound import core_of, id_of


class Analysed(Container):
    """A container that has analyses."""

    async def add_analysis(self, body: Mapping[str, object] | Analysis | None = None, **members: object) -> Analysis:
        """Creates an analysis and gets it; routes `POST /{containers}/{id}/analyses`, `GET /analyses/{id}`.

        Args:
            body: Its members as a mapping or model.
            **members: Its members as keywords: `label`, and if wanted `inputs`, `description` and `info`. An input is
                a `File`, a `FileReference` or a mapping with `type`, `id` and `name`.

        Returns:
            The new analysis; put its results there with `upload_output`.

        Raises:
            ArgumentError: Nothing was given, or a value cannot be sent; nothing was sent.

        Example:
            >>> analysis = await session.add_analysis(label="mask", inputs=[acquisition.file_ref("T1.nii.gz")])
            >>> await analysis.upload_output("mask.nii.gz")
        """
        return cast("Analysis", await _analyses.add(core_of(self), self.container_type, id_of(self), body, members))

    async def get_analyses(self) -> list[Analysis]:
        """Gets the analyses of this container; route `GET /{containers}/{id}/analyses`.

        `analyses` holds those that came with the object, which lists leave out.
        """
        return cast("list[Analysis]", await _analyses.of(core_of(self), self.container_type, id_of(self)))
