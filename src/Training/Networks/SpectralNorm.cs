using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Spectral normalisation (Miyato, Kataoka, Koyama, Yoshida, 2018): divides a weight W [O, I] by its largest singular value,
/// estimated as sigma = u^T W v. Vectors u [O] and v [I] follow W by one power iteration a step and are constants within it,
/// so that every pass of a step, on every member, divides by the same vectors; sigma stays differentiable through W.
/// </summary>
public sealed class SpectralNorm : nn.Module<Tensor, Tensor>
{
    /// <summary>Power iterations at initialisation, after which u and v lie close to the first singular vectors.</summary>
    public const int InitialIterations = 10;

    private static readonly Scalar Epsilon = 1e-12;
    private readonly Tensor u;
    private readonly StepVectors step;

    public SpectralNorm(long outputs, long inputs, ScalarType precision) : base(nameof(SpectralNorm))
    {
        u = ones(outputs, dtype: precision);
        step = new();
        register_buffer(nameof(u), u);
    }

    /// <summary>u of this step, [O], of length 1. Owned by the layer.</summary>
    public Tensor Left => step.Left;

    /// <summary>v of this step, [I], of length 1. Owned by the layer.</summary>
    public Tensor Right => step.Right;

    /// <summary>Draws u from N(0, 1) and iterates until it has settled on <paramref name="weight"/>.</summary>
    public void Initialize(Tensor weight, CounterRandom random)
    {
        var normal = new double[u.shape[0]];
        random.FillNormal(normal);
        using (var scope = NewDisposeScope())
        using (no_grad())
        {
            u.copy_(tensor(normal));
            for (var iteration = 0; iteration < InitialIterations; iteration++)
            {
                Iterate(weight);
                u.copy_(step.Left);
            }
        }
    }

    /// <summary>
    /// One power iteration from u. The result is used until the next call; u itself waits for <see cref="EndStep"/>.
    /// </summary>
    /// <remarks>Doing it again from the same u and weight changes nothing, so a step may be begun twice.</remarks>
    public void BeginStep(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        Iterate(weight);
    }

    /// <summary>
    /// The vectors of the next step, while this one is not at its end: the same that <see cref="EndStep"/> and then <see
    /// cref="BeginStep"/> give, if the weight stays as it is. They are used until <see cref="StepBack"/> or <see cref="EndStep"/>.
    /// </summary>
    public void StepAhead(Tensor weight)
    {
        if (step.IsAhead)
            return;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var matrix = weight.flatten(1);
        var right = Unit(matrix.t().mv(step.Left));
        step.Advance(Unit(matrix.mv(right)), right);
    }

    /// <summary>After <see cref="StepAhead"/>: this step's vectors again.</summary>
    public void StepBack() => step.Return();

    /// <summary>Takes the vectors of this step over as the start of the next one's iteration.</summary>
    public void EndStep()
    {
        StepBack();
        using var constant = no_grad();
        u.copy_(step.Left);
    }

    /// <summary>u^T W v with the vectors of this step: a scalar that is differentiable through W.</summary>
    public Tensor Sigma(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return step.Left.dot(weight.flatten(1).mv(step.Right)).MoveToOuterDisposeScope();
    }

    /// <returns>The weight divided by <see cref="Sigma"/>, in the weight's own shape.</returns>
    public override Tensor forward(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return (weight / Sigma(weight)).MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            step.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Iterate(Tensor weight)
    {
        var matrix = weight.flatten(1); // O I
        var right = Unit(matrix.t().mv(u));
        step.Replace(Unit(matrix.mv(right)), right);
    }

    private static Tensor Unit(Tensor vector) => vector / vector.norm().clamp_min(Epsilon);

    // Not a field of the module, because every tensor field becomes state: v follows from u and the weight.
    private sealed class StepVectors : IDisposable
    {
        private Tensor? _left;
        private Tensor? _right;
        private (Tensor Left, Tensor Right)? _aside;

        /// <summary>The vectors are the next step's; this step's lie aside.</summary>
        public bool IsAhead => _aside is not null;

        public Tensor Left => _left ?? throw new InvalidOperationException("Spectral norm is used before Initialize or BeginStep.");

        public Tensor Right => _right ?? throw new InvalidOperationException("Spectral norm is used before Initialize or BeginStep.");

        public void Replace(Tensor left, Tensor right)
        {
            Dispose();
            (_left, _right) = (left.DetachFromDisposeScope(), right.DetachFromDisposeScope());
        }

        public void Advance(Tensor left, Tensor right)
        {
            _aside = (Left, Right);
            (_left, _right) = (left.DetachFromDisposeScope(), right.DetachFromDisposeScope());
        }

        public void Return()
        {
            if (_aside is not { } own)
                return;
            _left?.Dispose();
            _right?.Dispose();
            (_left, _right, _aside) = (own.Left, own.Right, null);
        }

        public void Dispose()
        {
            Return();
            _left?.Dispose();
            _right?.Dispose();
        }
    }
}
