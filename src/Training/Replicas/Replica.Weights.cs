using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

public sealed partial class Replica
{
    /// <summary>
    /// Lowercase hex SHA-256 over the little-endian float32 bytes of the generator's, then the discriminator's,
    /// parameters in <c>state_dict</c> order, without padding. Doubles are rounded to float first.
    /// </summary>
    public string WeightsSha256()
    {
        _threads.Enter();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var flat in new[] { _generator.Flat, _discriminator.Flat })
        {
            using var scope = NewDisposeScope();
            using var constant = no_grad();
            var values = flat.Parameters.cpu().to(ScalarType.Float32);
            foreach (var entry in flat.Layout.Entries)
            {
                hash.AppendData(values.bytes.Slice(entry.Offset * sizeof(float), entry.Count * sizeof(float)));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>
    /// XxHash3 of all bits that training depends on besides the optimizers' moments: both networks' parameters and
    /// running statistics. Replicas that have diverged differ in it; the moments follow from the same sums, and show in
    /// the parameters one step later.
    /// </summary>
    public ulong WeightsFingerprint()
    {
        _threads.Enter();
        var hash = new XxHash3();
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        Tensor[] state =
            [_generator.Flat.Parameters, _generator.Statistics.Values, _discriminator.Flat.Parameters, _discriminator.Statistics.Values];
        foreach (var part in state.Where(part => part.numel() > 0))
        {
            hash.Append(part.cpu().bytes); // cpu() of a CPU tensor is the tensor itself
        }

        if (_strength.IsOn)
        {
            hash.Append(MemoryMarshal.AsBytes<double>([_strength.Probability]));
        }

        if (_control is not null)
        {
            hash.Append(_control.Bytes);
        }

        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>
    /// The parameters themselves, named "generator …" and "discriminator …": for tests, which may only read them.
    /// </summary>
    internal IEnumerable<(string Name, Tensor Value)> NamedParameters() =>
        [.. _generator.Network.named_parameters().Select(p => ("generator " + p.name, p.parameter.detach())),
         .. _discriminator.Network.named_parameters().Select(p => ("discriminator " + p.name, p.parameter.detach()))];
}
