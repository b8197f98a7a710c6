"""Where the packages lie: four source roots, and the migrations under a name of their own.

This is code because pyproject.toml can search folders for packages or rename one, but not both.
"""

from setuptools import find_packages, setup

ROOTS = {
    "case_events": "libs/events",
    "caselog_client": "libs/client",
    "case_api": "services/case-api",
    "case_scheduler": "services/scheduler",
}

setup(
    package_dir={name: f"{root}/{name}" for name, root in ROOTS.items()} | {"case_migrations": "migrations"},
    packages=[package for name, root in ROOTS.items() for package in find_packages(root, include=[name, f"{name}.*"])]
    + ["case_migrations", "case_migrations.versions"],
    package_data={"": ["*.toml", "*.json", "*.sql", "*.mako", "*.html", "*.css", "*.js", "*.svg", "py.typed"]}
    | {"case_api": ["templates/*.html", "templates/console/*"]},
    include_package_data=False,
)
