"""What a screen's fits are told and give back, one row a marker, compiled or not."""

COX, LOGISTIC = 0, 1  # also the number of intercepts
PLAIN, FIRTH, AUTO = range(3)  # AUTO: Firth's penalty where the marker separates
FITTED, CONSTANT, NO_EVENTS, REDUNDANT, SEPARATED, UNSETTLED = range(6)
# columns of the result: score and likelihood ratio χ², limits of the slope (Wald, or profile where penalised)
N, EVENTS, STATUS, PENALISED, SLOPE, ERROR, LOWER, UPPER, SCORE, RATIO, SEPARATES = range(11)
COLUMNS = 11
FARTHEST = 30.0  # a coefficient this large, per SD of the covariate, is on its way to infinity
RUNAWAY = 60.0  # so is one whose standard error is this large, where the information has gone
ALIKE = 1e-9  # the share of a covariate's information that the others must leave
WORDS = {
    CONSTANT: "the same for everyone",
    NO_EVENTS: "no events among those measured, or nothing else",
    REDUNDANT: "says nothing that the covariates or strata do not",
    SEPARATED: "separates those with from those without the event",
    UNSETTLED: "no estimate was found",
}
