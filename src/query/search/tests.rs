//! The search against the enumeration of all points.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::lit::DimId;
use super::{Fact, Found, Known, Lit, Look, Search, Theory};
use crate::query::{budget::Budget, classes::Classes};
use proptest::{collection::vec, prelude::*};

/// How many classes each dimension has.
const COUNTS: [usize; 4] = [2, 3, 5, 66];

/// A condition.
#[derive(Debug, Clone)]
enum Tree {
    Within(usize, Vec<usize>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
}

impl Tree {
    fn holds(&self, point: &[usize]) -> bool {
        match self {
            Self::Within(dim, classes) => classes.contains(&point[*dim]),
            Self::All(inner) => inner.iter().all(|tree| tree.holds(point)),
            Self::Any(inner) => inner.iter().any(|tree| tree.holds(point)),
            Self::Not(inner) => !inner.holds(point),
        }
    }

    fn lit(&self, search: &mut Search, dims: &[DimId]) -> Lit {
        match self {
            Self::Within(dim, classes) => {
                let classes = Classes::filter(COUNTS[*dim], |class| classes.contains(class));
                search.within(dims[*dim], &classes)
            }
            Self::All(inner) => {
                let lits: Vec<Lit> = inner.iter().map(|tree| tree.lit(search, dims)).collect();
                search.all(lits)
            }
            Self::Any(inner) => {
                let lits: Vec<Lit> = inner.iter().map(|tree| tree.lit(search, dims)).collect();
                search.any(lits)
            }
            Self::Not(inner) => !inner.lit(search, dims),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let classes = |count: usize| {
        let most = count.min(6);
        vec(prop_oneof![0..most, 0..count], 0..4)
    };
    let leaf = (0..COUNTS.len()).prop_flat_map(move |dim| (Just(dim), classes(COUNTS[dim])));
    leaf.prop_map(|(dim, classes)| Tree::Within(dim, classes)).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Tree::All),
            vec(inner.clone(), 0..5).prop_map(Tree::Any),
            inner.prop_map(|inner| Tree::Not(Box::new(inner))),
        ]
    })
}

/// A dimension and a class of it.
type Place = (usize, usize);

/// A theory that forbids some pairs of classes of two dimensions, and says so in different ways, or cannot say.
struct Forbidden<'a> {
    dims: &'a [DimId],
    pairs: &'a [(Place, Place)],
}

impl Forbidden<'_> {
    /// Whether it cannot say why a pair with this first class is forbidden.
    fn is_vague(&self, class: usize) -> bool {
        class == 3
    }
}

impl Theory for Forbidden<'_> {
    type Point = Vec<usize>;

    fn open(&mut self, search: &Search) -> Option<(DimId, Classes)> {
        let dim = self.dims.iter().find(|dim| search.only(**dim).is_none())?;
        let first = search.cell(*dim).iter().next()?;
        Some((*dim, Classes::only(search.count(*dim), first)))
    }

    fn look(&mut self, search: &Search) -> Look<Self::Point> {
        let point: Vec<usize> = self.dims.iter().filter_map(|dim| search.only(*dim)).collect();
        let forbids =
            |((dim, class), (other, second)): &&(Place, Place)| point[*dim] == *class && point[*other] == *second;
        let Some(((dim, class), (other, second))) = self.pairs.iter().find(forbids) else { return Look::Point(point) };
        if self.is_vague(*class) {
            return Look::Unsure;
        }
        let only = |dim: usize, class| (self.dims[dim], Classes::only(COUNTS[dim], class));
        let (dim, class) = only(*dim, *class);
        if *second % 2 == 0 {
            return Look::Nowhere(vec![Fact::Within(dim, class), Fact::Cell(self.dims[*other])]);
        }
        let (other, second) = only(*other, *second);
        Look::Nowhere(vec![Fact::Within(dim, class), Fact::Within(other, second)])
    }
}

fn points() -> impl Iterator<Item = Vec<usize>> {
    let all: usize = COUNTS.iter().product();
    (0..all).map(|mut index| {
        COUNTS
            .iter()
            .map(|count| {
                let class = index % count;
                index /= count;
                class
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_point_is_found_just_where_there_is_one(
        trees in vec(tree(), 1..5),
        required in vec(tree(), 0..3),
        pairs in vec(((0..4_usize, 0..6_usize), (0..4_usize, 0..6_usize)), 0..12),
        first in 0..3_usize,
    ) {
        let pairs: Vec<_> = pairs.into_iter()
            .filter(|(one, other)| one.0 != other.0 && one.1 < COUNTS[one.0] && other.1 < COUNTS[other.0]).collect();
        let mut search = Search::new();
        let possible = |dim: usize| Classes::filter(COUNTS[dim], |class| dim != 2 || *class >= first);
        let dims: Vec<DimId> = (0..COUNTS.len()).map(|dim| search.dimension(possible(dim), COUNTS[dim])).collect();
        for tree in &required {
            let lit = tree.lit(&mut search, &dims);
            search.require(&[lit]);
        }
        let feasible = |point: &Vec<usize>| {
            point[2] >= first
                && required.iter().all(|tree| tree.holds(point))
                && !pairs.iter().any(|((dim, class), (other, second))| point[*dim] == *class && point[*other] == *second)
        };
        // Each question is asked twice, so that what was learned is used.
        for tree in trees.iter().chain(&trees) {
            let goal = tree.lit(&mut search, &dims);
            let mut theory = Forbidden { dims: &dims, pairs: &pairs };
            let found = search.find(goal, &mut theory, &mut Budget::new(100_000));
            let exists = points().any(|point| feasible(&point) && tree.holds(&point));
            match found {
                Found::Point(point) => prop_assert!(feasible(&point) && tree.holds(&point), "{:?}", point),
                Found::Nothing => prop_assert!(!exists, "{:?}", tree),
                Found::Unsure => prop_assert!(!exists && pairs.iter().any(|(one, _)| theory.is_vague(one.1)), "{:?}", tree),
            }
        }
    }
}

/// Pigeons: more of them than holes, and no two in one.
#[test]
fn a_search_that_is_too_long_is_given_up() {
    let (pigeons, holes) = (9, 8);
    let mut search = Search::new();
    let dims: Vec<DimId> = (0..pigeons).map(|_| search.dimension(Classes::all(holes), holes)).collect();
    for (index, one) in dims.iter().enumerate() {
        for other in &dims[index + 1..] {
            for hole in 0..holes {
                let [one, other] = [one, other].map(|dim| search.within(*dim, &Classes::only(holes, hole)));
                search.require(&[!one, !other]);
            }
        }
    }
    struct Any;
    impl Theory for Any {
        type Point = ();
        fn open(&mut self, _: &Search) -> Option<(DimId, Classes)> {
            None
        }
        fn look(&mut self, _: &Search) -> Look<()> {
            Look::Point(())
        }
    }
    assert_eq!(search.find(Lit::TRUE, &mut Any, &mut Budget::new(50)), Found::Unsure);
    // What is asked for is not needed to see that it cannot be.
    let goal = search.within(dims[0], &Classes::only(holes, 0));
    assert_eq!(search.known(goal), Known::Open);
}
