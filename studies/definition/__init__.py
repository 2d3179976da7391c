"""What a study is: its file, options, data and identity.

In: `studies/NAME.yaml`, options, configuration. Out: a `definition.StudyDefinition`.
"""
