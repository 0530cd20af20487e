"""Projects as a whole: templates, settings, the catalogue, how far a deletion is."""

from __future__ import annotations

from flywheel_async.emulator import nodes, project_tasks, sharing, templates
from flywheel_async.emulator.access import DELETE, SETTINGS_MODIFY, SETTINGS_VIEW, TEMPLATES_MANAGE
from flywheel_async.emulator.call import Call
from flywheel_async.emulator.project_inputs import ProjectSettings, ProjectTemplate, ProjectTemplates
from flywheel_async.emulator.query.regexes import compiled
from flywheel_async.emulator.routing import Routes
from flywheel_async.emulator.rules import LoggedIn, On, SiteAdmin
from flywheel_async.emulator.wire import Doc, Json

ROUTES = Routes()
route = ROUTES.route


@route("set_project_template", rule=On("project", "project_id", TEMPLATES_MANAGE))
def set_project_template(call: Call) -> Doc:
    """Replaces the templates of a project and looks at all its sessions."""
    given = call.input(ProjectTemplates)
    for template in given.templates:
        _check_patterns(template)
    listed: list[Json] = [item.model_dump(mode="json", exclude_unset=True) for item in given.templates]
    call.target.body["templates"] = listed
    nodes.save(call.tx, call.target)
    templates.refresh_below(call.tx, "project", call.target.id)
    return {"modified": 1}


def _check_patterns(template: ProjectTemplate) -> None:
    """Refuses what is no regular expression, at once rather than when the next file arrives."""
    if not template.regex:
        return
    texts = [template.session.label] if template.session is not None else []
    for acquisition in template.acquisitions or []:
        texts.append(acquisition.label)
        texts.extend(file.classification for file in acquisition.files or [])
    for text in texts:
        if text is not None:
            compiled(f"(?i){text}")


@route("remove_project_template", rule=On("project", "project_id", TEMPLATES_MANAGE))
def remove_project_template(call: Call) -> Doc:
    """Removes the templates of a project."""
    deleted = int(bool(call.target.body.get("templates")))
    call.target.body["templates"] = []
    nodes.save(call.tx, call.target)
    templates.refresh_below(call.tx, "project", call.target.id)
    return {"deleted": deleted}


@route("recalc_project", rule=On("project", "project_id", TEMPLATES_MANAGE))
def recalc_project(call: Call) -> Doc:
    """Looks at all sessions of a project again."""
    changed: list[Json] = [*templates.refresh_below(call.tx, "project", call.target.id)]
    return {"sessions_changed": changed}


@route("recalc_all_projects", rule=SiteAdmin())
def recalc_all_projects(call: Call) -> Doc:
    """Looks at all sessions of all projects again."""
    rows = call.tx.all("SELECT id FROM node WHERE kind = 'project' AND deleted IS NULL ORDER BY id")
    changed: list[Json] = []
    for row in rows:
        changed.extend(templates.refresh_below(call.tx, "project", row["id"]))
    return {"sessions_changed": changed}


@route("get_project_settings", rule=On("project", "project_id", SETTINGS_VIEW))
def get_project_settings(call: Call) -> Doc:
    """Returns the settings of a project."""
    return sharing.settings(call.target)


@route("modify_project_settings", rule=On("project", "project_id", SETTINGS_MODIFY))
def modify_project_settings(call: Call) -> Doc:
    """Changes the settings of a project."""
    found = sharing.change_settings(call, call.target, call.input(ProjectSettings))
    nodes.save(call.tx, call.target)
    return found


@route("catalog_list", rule=LoggedIn("lists what projects share"))
def catalog_list(call: Call) -> object:
    """Lists the projects that are shared."""
    return sharing.catalogue(call)


@route("get_catalog_list_filter_options", rule=LoggedIn("shows what projects share"))
def get_catalog_list_filter_options(call: Call) -> Doc:
    """Returns the words to filter the catalogue by."""
    return sharing.filter_options(call.tx)


@route("get_project_delete_status", rule=On("project", "project_id", DELETE, deleted=True))
def get_project_delete_status(call: Call) -> Doc:
    """Tells how far the deletion of a project is, also after the end of it."""
    return project_tasks.delete_status(call.tx, call.target)
