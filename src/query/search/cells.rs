//! Dimensions: which classes of each are still possible, and what that makes true or false.

use super::{
    super::classes::Classes,
    lit::{DimId, Lit, Var},
};
use crate::ids::IdVec;
use std::collections::HashMap;

/// The cell that the search is in: for each dimension the classes that are still possible.
#[derive(Default, Clone)]
pub(super) struct Cells {
    dims: IdVec<DimId, Dim>,
    /// The narrowings in the order they were made, each with the words before it in `saved`.
    narrowings: Vec<(DimId, u32)>,
    saved: Vec<u64>,
}

/// A dimension.
#[derive(Clone)]
struct Dim {
    /// The classes that are possible at all.
    possible: Classes,
    /// Those that are still possible.
    cell: Classes,
    /// How many classes there are.
    count: usize,
    /// The variables that say that a point is in one of some classes, and those classes, one after the other.
    vars: Vec<Var>,
    sets: Vec<u64>,
    /// The variables by their classes.
    known: HashMap<Classes, Var>,
    /// The literals that have narrowed the cell, in order.
    narrowed: Vec<Lit>,
}

/// What a literal that is true of a point does to the cell.
pub(super) enum Narrowed {
    Not,
    Smaller,
    Empty,
}

impl Cells {
    /// Adds a dimension. Its first class is in no set that a variable stands for.
    pub(super) fn add(&mut self, possible: Classes, count: usize) -> DimId {
        self.dims.push(Dim {
            cell: possible.clone(),
            possible,
            count,
            vars: Vec::new(),
            sets: Vec::new(),
            known: HashMap::new(),
            narrowed: Vec::new(),
        })
    }

    pub(super) fn cell(&self, dim: DimId) -> &Classes {
        &self.dims[dim].cell
    }

    pub(super) fn possible(&self, dim: DimId) -> &Classes {
        &self.dims[dim].possible
    }

    pub(super) fn count(&self, dim: DimId) -> usize {
        self.dims[dim].count
    }

    /// The variable of some classes, if there is one.
    pub(super) fn find(&self, dim: DimId, classes: &Classes) -> Option<Var> {
        self.dims[dim].known.get(classes).copied()
    }

    /// Makes a variable stand for some classes; gives its place among those of the dimension.
    pub(super) fn name(&mut self, dim: DimId, classes: &Classes, var: Var) -> usize {
        let dim = &mut self.dims[dim];
        let place = dim.vars.len();
        dim.vars.push(var);
        dim.sets.extend(classes.words());
        dim.known.insert(classes.clone(), var);
        place
    }

    /// The classes in which a literal is true, given its place.
    pub(super) fn classes(&self, dim: DimId, place: usize, negative: bool) -> Classes {
        let dim = &self.dims[dim];
        let stride = dim.stride();
        let words = dim.sets.chunks_exact(stride).nth(place).unwrap_or_default();
        let classes = Classes::from_words(words);
        if negative { Classes::all(dim.count).without(&classes) } else { classes }
    }

    /// Narrows a cell to the classes in which a literal is true. `at` is where the literal stands on the trail.
    pub(super) fn narrow(&mut self, id: DimId, place: usize, lit: Lit, at: u32) -> Narrowed {
        let dim = &mut self.dims[id];
        let stride = dim.stride();
        let set = dim.sets.chunks_exact(stride).nth(place).unwrap_or_default();
        let flip = if lit.is_negative() { u64::MAX } else { 0 };
        if dim.cell.words().iter().zip(set).all(|(cell, set)| cell & !(set ^ flip) == 0) {
            return Narrowed::Not;
        }
        self.saved.extend(dim.cell.words());
        self.narrowings.push((id, at));
        dim.narrowed.push(lit);
        let mut left = 0;
        for (cell, set) in dim.cell.words_mut().iter_mut().zip(set) {
            *cell &= set ^ flip;
            left |= *cell;
        }
        if left == 0 { Narrowed::Empty } else { Narrowed::Smaller }
    }

    /// Visits the variables of a dimension that its cell makes true or false.
    pub(super) fn settled(&self, dim: DimId, mut visit: impl FnMut(Var, bool)) {
        let dim = &self.dims[dim];
        for (var, set) in dim.vars.iter().zip(dim.sets.chunks_exact(dim.stride())) {
            let (mut inside, mut outside) = (0, 0);
            for (cell, set) in dim.cell.words().iter().zip(set) {
                inside |= cell & set;
                outside |= cell & !set;
            }
            if inside == 0 {
                visit(*var, false);
            } else if outside == 0 {
                visit(*var, true);
            }
        }
    }

    /// The literals, of those that a test lets through, that have excluded some classes: the earliest that are enough.
    /// `of` gives the place of a literal's variable.
    pub(super) fn cover(
        &self,
        dim: DimId,
        excluded: &Classes,
        of: impl Fn(Lit) -> usize,
        may: impl Fn(Lit) -> bool,
    ) -> Vec<Lit> {
        let mut left = excluded.and(&self.dims[dim].possible);
        let mut cover = Vec::new();
        for lit in self.dims[dim].narrowed.iter().copied().filter(|lit| may(*lit)) {
            if left.is_empty() {
                break;
            }
            let rest = left.and(&self.classes(dim, of(lit), lit.is_negative()));
            if rest != left {
                cover.push(lit);
                left = rest;
            }
        }
        cover
    }

    /// The literals that have narrowed a cell, in order.
    pub(super) fn narrowed(&self, dim: DimId) -> &[Lit] {
        &self.dims[dim].narrowed
    }

    /// Takes back what was narrowed by literals that stand at a place of the trail or behind it.
    pub(super) fn widen(&mut self, from: u32) {
        while let Some((id, _)) = self.narrowings.pop_if(|(_, at)| *at >= from) {
            let dim = &mut self.dims[id];
            dim.narrowed.pop();
            let start = self.saved.len().saturating_sub(dim.stride());
            dim.cell = Classes::from_words(self.saved.get(start..).unwrap_or_default());
            self.saved.truncate(start);
        }
    }
}

impl Dim {
    /// How many words a set of its classes has.
    fn stride(&self) -> usize {
        self.cell.words().len()
    }
}
