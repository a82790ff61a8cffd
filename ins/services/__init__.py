"""Use cases of identity: ask INSi, take or refuse its answer, record a document."""
