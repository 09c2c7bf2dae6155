"""The form of an import."""

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, SubmitField, TextAreaField
from wtforms.validators import ValidationError

from ...services import notations
from ...services.notations import Notation, NotationError

YAML_ENDINGS = (".yaml", ".yml")


class ImportForm(FlaskForm):
    """A settings document, pasted or as a file, not both. ``seen``: what it was compared with."""

    seen = HiddenField()
    document = TextAreaField("Settings as JSON or YAML", render_kw={"rows": "14", "spellcheck": "false"})
    file = FileField("or a file")
    confirmed = SubmitField("Take into the draft")

    parsed: Any = None
    _notation: Notation | None = None
    _from_file = False

    def validate_file(self, field: FileField) -> None:
        if field.data and field.data.filename and not self._from_file:
            raise ValidationError("There is a text above and a file here: empty the text, or choose no file.")

    def validate_document(self, field: TextAreaField) -> None:
        self._read_file()
        if not (field.data or "").strip():
            raise ValidationError("Paste the settings here, or choose a file.")
        try:
            self.parsed = notations.read(field.data, self._notation)
        except NotationError as error:
            raise ValidationError(f"This {error}") from None

    def _read_file(self) -> None:
        """Bring a chosen file's text into the text field, where it can be seen and corrected."""
        upload = self.file.data
        if upload and upload.filename and not (self.document.data or "").strip():
            self.document.data = upload.read().decode("utf-8-sig", "replace")
            self._notation = Notation.YAML if upload.filename.lower().endswith(YAML_ENDINGS) else None
            self._from_file = True
