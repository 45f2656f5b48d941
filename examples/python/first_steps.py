"""Makes a signed repository of packages: first_steps.py STATE REPOSITORY FILE..."""

import sys

import debbuild

state, folder, *files = sys.argv[1:]
app = debbuild.App(home=state, on_event=lambda event: print(event["event"], event.get("what", ""), file=sys.stderr))
repository = app.repository(folder)
repository.init("demo")
for package in repository.add(files):
    print(package["package"], package["version"])
print("state", repository.publish()[0]["state"], "verified:", repository.verify()["good"])
