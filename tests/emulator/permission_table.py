"""Who may use which operation, written down by hand, apart from the rules of the emulator.

The levels are the habits of the API: reading takes `ro`, changing what is in a project `rw`, changing a project,
group or collection as a whole, and with whom it is shared, `admin`; what belongs to nobody in particular is for
everybody to read and for site admins to change.
"""

from __future__ import annotations

import re

CONTAINER = "(project|subject|session|acquisition|container)"
BELOW_PROJECT = "(subject|session|acquisition)"
SHARED = "(project|group|collection)"
ANALYSIS = f"({CONTAINER}_)?analysis"
WITH_FILES = f"({CONTAINER}|collection|analysis)"
TAGGED = f"({CONTAINER}|collection|analysis|group)"

TABLE = {
    # Without a key.
    "public": "get_config get_version",
    # Without a key, but with a ticket or token that somebody with one was given.
    "ticket": "download_ticket upload_signed_fs_file",
    # Users and devices; answers show what the one who asks may see.
    "anybody": """
        get_auth_status
        get_all_(groups|projects|subjects|sessions|acquisitions|collections|analyses|files)
        get_all_(users|roles|modalities|devices|devices_status|projects_groups|collections_curators|custom_filters)
        get_(user|user_avatar|role|modality|device)
        catalog_list get_catalog_list_filter_options
        check_uids_exist fetch_tree get_tree_graph data_view_columns
        (create|verify)_master_subject_code
        add_collection create_custom_filter
        create_signed_upload_url cleanup_signed_upload_url complete_s3_multipart_upload
        search parse_search_query get_search_query_suggestions get_search_status get_mapped_fields
        POST:/dataexplorer/search/fields get_all_(saved_searches|data_view_executions)
    """,
    "users": "get_current_user(_avatar|_info)? modify_current_user_info (generate|delete)_user_key",
    "devices": "(get_current|update)_device",
    # A role in the project, or the access to the group or collection.
    "ro": f"""
        get_({CONTAINER}|group|collection)
        get_group_projects get_project_(subjects|sessions|acquisitions) get_subject_sessions get_session_acquisitions
        get_collection_(sessions|acquisitions)
        get_{SHARED}_user_permission get_group_user_permission_template get_all_group_roles get_group_role
        get_{TAGGED}_tag get_file_tags get_{WITH_FILES}_note
        get_({CONTAINER}_)?analyses get_{ANALYSIS} get_analysis_(input_files|output_file)
        get_file(_info|_versions|_zip_info)? get_({CONTAINER}|collection)_file_info
        download_file_from_{WITH_FILES} get_{WITH_FILES}_(download_ticket|file_zip_info)
        download_output_from_{ANALYSIS} get_{ANALYSIS}_output_(download_ticket|zip_info)
        lookup_path resolve_path get_(field_)?change_log get_project_settings get_views?
        get_saved_search evaluate_view(_adhoc)? queue_(adhoc|saved)
        get_data_view_execution(_data)? delete_view_execution
    """,
    "rw": f"""
        add_{BELOW_PROJECT} upsert_project_hierarchy bulk_move_sessions
        modify_({CONTAINER}|collection) modify_{WITH_FILES}_info
        delete_({BELOW_PROJECT}|container) delete_(subjects|sessions|acquisitions|analyses|files)_by_ids
        (add|rename|delete)_{TAGGED}_tag (add|delete)_({CONTAINER}|collection|group)_tags (add|delete|set)_file_tags
        (add|modify|delete)_{WITH_FILES}_note (add|delete)_{CONTAINER}_analysis_note
        add_{CONTAINER}_analysis (modify|delete)_{ANALYSIS}
        upload_file_to_({CONTAINER}|collection) upload_output_to_{ANALYSIS} upsert_file
        upload_by_(label|uid|reaper) (start_project|project|end_project)_packfile_upload
        modify_{WITH_FILES}_file(_info|_classification)? modify_file_(info|classification) replace_file_info
        delete_({WITH_FILES}_)?file restore_file move_file
        (add|modify|delete)_view save_view_data_to_container save_data_view_execution
        save_search replace_search delete_save_search
    """,
    "admin": f"""
        add_project modify_group (project|{BELOW_PROJECT})_copy
        delete_(project|collection) delete_(projects|collections)_by_ids get_project_delete_status
        add_{SHARED}_permission (modify|delete)_{SHARED}_user_permission
        add_group_permission_template (modify|delete)_group_user_permission_template
        add_role_to_group remove_role_from_group
        (set|remove)_project_template recalc_project modify_project_settings
    """,
    # The user in the path, or whoever made the thing; and site admins.
    "owner": """
        modify_user get_user_(groups|projects|sessions|acquisitions|collections)
        (update|delete)_custom_filter
    """,
    # Changing what is in a project; who sees nothing finds nothing, and nothing is deleted.
    "finders": "delete_by_search",
    # Reading; what a user may not read is passed over, and then there is nothing.
    "packers": "create_download_ticket",
    "site admins": """
        (add|delete)_group delete_groups_by_ids
        (add|delete)_user sync_user (add|modify|delete)_role (add|replace|delete)_modality
        (create|modify|delete)_device generate_key delete_device_key
        recalc_all_projects cleanup_info clean_packfiles
        (GET|POST|DELETE):/_faults
    """,
}
"""Patterns of the names of operations, by who may use them; a route without an operation has its method and path."""


def levels_of(name: str) -> list[str]:
    """Returns what the table says of an operation: one level, unless the table is wrong."""
    return [level for level, listed in TABLE.items() if any(re.fullmatch(one, name) for one in listed.split())]


def level_of(names: tuple[str, ...]) -> str:
    """Returns who may use the operations of one route."""
    (level,) = {level for name in names for level in levels_of(name)}
    return level
