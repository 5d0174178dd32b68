using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>The class beside the colours (Mirza and Osindero, 2014, for convolutions): a plane of ones for the image's class, of zeros for all others.</summary>
internal static class LabelPlanes
{
    /// <summary>[B, C, H, W] and labels [B] to [B, C + Y, H, W].</summary>
    public static Tensor Beside(Tensor image, Tensor label, int classes)
    {
        using var scope = NewDisposeScope();
        var planes = nn.functional.one_hot(label, classes).to(image.dtype).view(-1, classes, 1, 1)
            .expand(image.shape[0], classes, image.shape[2], image.shape[3]);
        return cat([image, planes], dim: 1).MoveToOuterDisposeScope();
    }
}
