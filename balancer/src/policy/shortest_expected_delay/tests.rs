//! The parts of the rule, one by one. What they do together is shown in `policy::goals`.
