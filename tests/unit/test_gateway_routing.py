from vetflow.domain.case import Queue
from vetflow.domain.routing import Route, film_routes, revision_routes
from vetflow.domain.signalment import Species
from vetflow.domain.study import Facts
from vetflow.domain.view import Region, View

ANY_FILM = Route(use_case="positioning", modalities=("DX", "CR"))
DOG_THORAX = Facts(modality="DX", species=Species.DOG, region=Region.THORAX, view=View.LEFT_LATERAL)
UNKNOWN = Facts(modality="DX")


def test_an_empty_list_means_any_even_the_unknown() -> None:
    assert ANY_FILM.wants(DOG_THORAX)
    assert ANY_FILM.wants(UNKNOWN)


def test_a_route_for_dogs_leaves_cats_and_unknown_animals_out() -> None:
    dogs = Route(use_case="positioning", species=(Species.DOG,))

    assert dogs.wants(DOG_THORAX)
    assert not dogs.wants(Facts(modality="DX", species=Species.CAT))
    assert not dogs.wants(UNKNOWN)


def test_a_modality_that_is_not_named_is_left_out() -> None:
    assert not ANY_FILM.wants(Facts(modality="CT", species=Species.DOG))


def test_a_film_of_the_trunk_is_one_of_the_thorax_too() -> None:
    thorax = Route(use_case="cardiac", regions=(Region.THORAX,))

    assert thorax.wants(Facts(modality="DX", region=Region.TRUNK))
    assert not thorax.wants(Facts(modality="DX", region=Region.PELVIS))
    assert not thorax.wants(UNKNOWN)


def test_lateral_covers_both_sides_but_one_side_is_that_side_only() -> None:
    lateral = Route(use_case="cardiac", views=(View.LATERAL,))
    right = Route(use_case="cardiac", views=(View.RIGHT_LATERAL,))

    assert lateral.wants(DOG_THORAX)
    assert not right.wants(DOG_THORAX)
    assert not lateral.wants(Facts(modality="DX", view=View.VENTRODORSAL))


def test_the_first_fitting_route_of_a_use_case_names_its_queue() -> None:
    stat = Route(use_case="positioning", species=(Species.DOG,), queue=Queue.STAT)

    assert film_routes([stat, ANY_FILM], DOG_THORAX) == (stat,)
    assert film_routes([stat, ANY_FILM], UNKNOWN) == (ANY_FILM,)


def test_films_get_film_use_cases_and_revisions_the_others() -> None:
    fracture = Route(use_case="fracture", regions=(Region.THORAX,))

    assert film_routes([ANY_FILM, fracture], DOG_THORAX) == (ANY_FILM,)
    assert revision_routes([ANY_FILM, fracture], [UNKNOWN, DOG_THORAX]) == (fracture,)
    assert revision_routes([ANY_FILM, fracture], [UNKNOWN]) == ()
