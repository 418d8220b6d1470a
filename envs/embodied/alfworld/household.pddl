;; What can be done in a generated household: one pair of hands, places with or without doors, three appliances.

(define (domain household)
 (:requirements :adl :action-costs :typing)
 (:types agent location receptacle object rtype otype)
 (:predicates
    (atLocation ?who - agent ?where - location)
    (receptacleAtLocation ?place - receptacle ?where - location)
    (objectAtLocation ?thing - object ?where - location)
    (receptacleType ?place - receptacle ?kind - rtype)
    (objectType ?thing - object ?kind - otype)
    (canContain ?place - rtype ?thing - otype)
    (openable ?place - receptacle)
    (opened ?place - receptacle)
    (inReceptacle ?thing - object ?place - receptacle)
    (pickupable ?thing - object)
    (toggleable ?thing - object)
    (cleanable ?thing - object)
    (heatable ?thing - object)
    (coolable ?thing - object)
    (isClean ?thing - object)
    (isHot ?thing - object)
    (isCool ?thing - object)
    (isToggled ?thing - object)
    (holds ?who - agent ?thing - object)
    (holdsAny ?who - agent)
    (checked ?what - object)
 )
 (:functions (total-cost) - number)

 (:action look
    :parameters (?a - agent ?l - location)
    :precondition (atLocation ?a ?l)
    :effect (checked ?l))

 (:action inventory
    :parameters (?a - agent)
    :precondition ()
    :effect (checked ?a))

 (:action GotoLocation
    :parameters (?a - agent ?from - location ?to - location ?r - receptacle)
    :precondition (and (atLocation ?a ?from) (receptacleAtLocation ?r ?to))
    :effect (and (atLocation ?a ?to) (not (atLocation ?a ?from)) (increase (total-cost) 1)))

 (:action OpenObject
    :parameters (?a - agent ?l - location ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (openable ?r) (not (opened ?r)))
    :effect (and (opened ?r) (checked ?r) (increase (total-cost) 1)))

 (:action CloseObject
    :parameters (?a - agent ?l - location ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (openable ?r) (opened ?r))
    :effect (and (not (opened ?r)) (increase (total-cost) 1)))

 (:action examineReceptacle
    :parameters (?a - agent ?l - location ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l))
    :effect (checked ?r))

 (:action examineObject
    :parameters (?a - agent ?o - object)
    :precondition (holds ?a ?o)
    :effect (checked ?o))

 (:action PickupObject
    :parameters (?a - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
        (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (inReceptacle ?o ?r) (pickupable ?o)
        (not (holdsAny ?a))
        (or (not (openable ?r)) (opened ?r)))
    :effect (and
        (holds ?a ?o) (holdsAny ?a) (not (inReceptacle ?o ?r)) (not (objectAtLocation ?o ?l))
        (increase (total-cost) 1)))

 (:action PutObject
    :parameters (?a - agent ?l - location ?o - object ?r - receptacle ?ot - otype ?rt - rtype)
    :precondition (and
        (holds ?a ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)
        (objectType ?o ?ot) (receptacleType ?r ?rt) (canContain ?rt ?ot)
        (or (not (openable ?r)) (opened ?r)))
    :effect (and
        (inReceptacle ?o ?r) (objectAtLocation ?o ?l) (not (holds ?a ?o)) (not (holdsAny ?a))
        (increase (total-cost) 1)))

 (:action CleanObject
    :parameters (?a - agent ?l - location ?r - receptacle ?o - object)
    :precondition (and
        (holds ?a ?o) (cleanable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)
        (or (receptacleType ?r SinkBasinType) (receptacleType ?r BathtubBasinType)))
    :effect (and (isClean ?o) (increase (total-cost) 1)))

 (:action HeatObject
    :parameters (?a - agent ?l - location ?r - receptacle ?o - object)
    :precondition (and
        (holds ?a ?o) (heatable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)
        (receptacleType ?r MicrowaveType))
    :effect (and (isHot ?o) (not (isCool ?o)) (increase (total-cost) 1)))

 (:action CoolObject
    :parameters (?a - agent ?l - location ?r - receptacle ?o - object)
    :precondition (and
        (holds ?a ?o) (coolable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)
        (receptacleType ?r FridgeType))
    :effect (and (isCool ?o) (not (isHot ?o)) (increase (total-cost) 1)))

 (:action ToggleObject
    :parameters (?a - agent ?l - location ?o - object ?r - receptacle)
    :precondition (and
        (toggleable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (inReceptacle ?o ?r))
    :effect (and (isToggled ?o) (increase (total-cost) 1)))
)
