"""People and products of the start data: fictitious persons, real codes.

Product codes are those of the Base de données publique des médicaments, mai 2026.
"""

PAT_TROIS = {
    "ins": ("2790351215189", "89", "1.2.250.1.213.1.4.10"),
    "nom": "PAT-TROIS",
    "prenoms": "DOMINIQUE MARIE-LOUISE",
    "sexe": "F",
    "naissance": "1979-03-28",
    "lieu": "51215",
}
ADRUN = {
    "ins": ("2751263220749", "74", "1.2.250.1.213.1.4.8"),
    "nom": "ADRUN",
    "prenoms": "ZOE",
    "sexe": "F",
    "naissance": "1975-12-31",
    "lieu": "63220",
}
MARCHAND_REMPLACE = {"rpps": "10100000057", "nom": "D'ESSAI & FILS", "prenom": "Paul"}
PORT = {"rpps": "10100000065", "finess": "130099991", "nom": "PHARMACIE DU PORT"}
NESSI = {"nom": "NESSI", "prenoms": "LEO", "sexe": "M", "naissance": "2010-08-07"}
MARCHAND = {
    "rpps": "10100000024",
    "finess": "750990012",
    "nom": "MARCHAND",
    "prenom": "Claire",
    "profession": "G15_10/SM26",
    "telephone": "0100000001",
}

GLUCOPHAGE = {
    "cis": "61052830",
    "cip13": "3400935601711",
    "atc": "A10BA02",
    "dci": "metformine",
    "libelle": "GLUCOPHAGE 1000 mg, comprimé pelliculé sécable",
    "posologie": "1 comprimé matin et soir",
    "unites": "2",
    "quantite": 2,
    "substituable": True,
    "ald": True,
    "hors_amm": False,
}
LEVOTHYROX = {
    "cis": "62080626",
    "cip13": "3400930065785",
    "atc": "H03AA01",
    "dci": "lévothyroxine sodique",
    "libelle": "LEVOTHYROX 75 microgrammes, comprimé sécable",
    "posologie": "1 comprimé par jour",
    "unites": "1",
    "quantite": 1,
    "substituable": False,
    "motif": "MTE",
    "hors_amm": False,
    "instruction": "À prendre le matin à jeun, 30 minutes avant le petit déjeuner",
}
IALUSET = {
    "lpp": "1397790",
    "nature": "DISPOSITIF",
    "quantite": 1,
    "duree": 10,
    "libelle": "Compresses acide hyaluronique et sulfadiazine argentique IALUSET+, boîte de 10",
    "posologie": "1 application par jour",
}
DOLIPRANE = {
    "cis": "60234100",
    "cip13": "3400935955838",
    "atc": "N02BE01",
    "dci": "paracétamol",
    "libelle": "DOLIPRANE 1000 mg, comprimé",
    "posologie": "1 comprimé si douleur, 3 par jour au plus",
    "quantite": 2,
    "substituable": True,
}


SKENAN = {
    "cis": "69666321",
    "cip13": "3400933323691",
    "atc": "N02AA01",
    "dci": "morphine",
    "libelle": "SKENAN L.P. 30 mg, microgranules à libération prolongée en gélule",
    "posologie": "Une gélule matin et soir",
    "unites": "2",
    "quantite": 4,
    "duree": 28,
    "substituable": True,
    "instruction_dispensateur": "Délivrance en une seule fois",
}
TRAMADOL = {
    "cis": "61644643",
    "cip13": "3400935248442",
    "atc": "N02AX02",
    "dci": "tramadol",
    "libelle": "TRAMADOL BIOGARAN 50 mg, gélule",
    "posologie": "Une gélule trois fois par jour",
    "unites": "3",
    "quantite": 3,
    "substituable": True,
}
PARACETAMOL_MV = {
    "mv": "MV00002306",
    "dci": "paracétamol",
    "libelle": "Paracétamol 500 mg comprimé",
    "posologie": "1 comprimé si besoin, 6 par jour au plus",
    "quantite": 2,
    "duree": None,
}
PREPARATION = {
    "nature": "PREPARATION",
    "libelle": "Préparation magistrale : « urée à 10 % & excipient q.s.p. 100 g »",
    "posologie": "Appliquer le soir",
    "quantite": "100",
    "unite": "g",
    "duree": None,
}
LPP_INCONNU = {
    "lpp": "9999999",
    "nature": "DISPOSITIF",
    "libelle": "Dispositif d'essai de code inconnu",
    "posologie": "Selon besoin",
    "quantite": 1,
}
