"""Appli carte Vitale contexts and rights (ADRi): docs/contrats/apcv.schema.json, adri.xsd."""
